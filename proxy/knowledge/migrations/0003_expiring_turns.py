"""What nobody came back for is looked for among all tenants' turns."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("knowledge", "0002_given_turns")]

    operations = [
        migrations.RemoveIndex(model_name="giventurn", name="given_turns_by_end"),
        migrations.AddIndex(
            model_name="giventurn", index=models.Index(fields=["expires_at"], name="given_turns_expiring")
        ),
    ]
