"""What is done with a collection's personal data and suspicious passages, and what ranks what it finds."""

from django.db import migrations, models

import tenants.validators


class Migration(migrations.Migration):
    dependencies = [("tenants", "0015_transcripts")]

    operations = [
        migrations.AddField(
            model_name="collection",
            name="personal_data",
            field=models.CharField(
                choices=[("keep", "Keep"), ("scrub", "Scrub")],
                default="keep",
                help_text="keep passages as they are, or scrub them as the tenant's privacy says before they are kept.",
                max_length=8,
            ),
        ),
        migrations.AddField(
            model_name="collection",
            name="reranking",
            field=models.CharField(
                default="none",
                help_text=(
                    "What puts the passages found into order: none, default (the built-in model), or UPSTREAM/MODEL."
                ),
                max_length=250,
                validators=[tenants.validators.check_label],
            ),
        ),
        migrations.AddField(
            model_name="collection",
            name="suspicious",
            field=models.CharField(
                choices=[("mark", "Mark"), ("leave_out", "Leave Out")],
                default="mark",
                help_text=(
                    "What becomes of passages that read like orders to a model: mark, or leave_out of every search."
                ),
                max_length=16,
                verbose_name="suspicious passages",
            ),
        ),
    ]
