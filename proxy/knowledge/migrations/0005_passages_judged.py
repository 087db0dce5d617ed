"""Which passages read like orders, and whether an index's passages were scrubbed."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("knowledge", "0004_document_uses")]

    operations = [
        migrations.AddField(
            model_name="chunk",
            name="is_suspicious",
            field=models.BooleanField(default=False, help_text="Whether it reads like orders to a model."),
        ),
        migrations.AddField(
            model_name="entry",
            name="suspicious_count",
            field=models.PositiveIntegerField(default=0, help_text="Of its passages, those that read like orders."),
        ),
        migrations.AddField(
            model_name="index",
            name="personal_data",
            field=models.CharField(choices=[("keep", "Keep"), ("scrub", "Scrub")], default="keep", max_length=8),
        ),
    ]
