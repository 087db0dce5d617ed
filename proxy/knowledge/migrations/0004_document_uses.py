"""Which requests documents were given to."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("knowledge", "0003_expiring_turns"),
    ]

    operations = [
        migrations.CreateModel(
            name="DocumentUse",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("request_id", models.CharField(help_text="Of the usage record.", max_length=40)),
                ("used_at", models.DateTimeField()),
                ("passages", models.PositiveIntegerField(help_text="How many the request was given.")),
                ("citations", models.PositiveIntegerField(default=0, help_text="How many the answer holds.")),
                (
                    "document",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="uses", to="knowledge.document"
                    ),
                ),
            ],
        ),
        migrations.AddIndex(
            model_name="documentuse",
            index=models.Index(fields=["document", "-used_at"], name="document_uses_latest"),
        ),
        migrations.AddIndex(
            model_name="documentuse",
            index=models.Index(fields=["used_at"], name="document_uses_oldest"),
        ),
        migrations.AddConstraint(
            model_name="documentuse",
            constraint=models.UniqueConstraint(fields=("document", "request_id"), name="one_use_of_a_document"),
        ),
    ]
