"""Lists of a collection's documents, and how many are in which state, at fifty thousand of them."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("knowledge", "0005_passages_judged")]

    operations = [
        migrations.AddIndex(
            model_name="document", index=models.Index(fields=["collection", "status"], name="documents_by_state")
        ),
        migrations.AddIndex(
            model_name="document", index=models.Index(fields=["collection", "-queued_at"], name="documents_by_turn")
        ),
    ]
