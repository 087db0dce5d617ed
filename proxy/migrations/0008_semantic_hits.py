"""Answers given to questions that are merely like the one that was answered, counted apart."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("proxy", "0007_cache_savings")]

    operations = [
        migrations.AlterField(
            model_name="usagerecord",
            name="cache_state",
            field=models.CharField(
                blank=True, help_text="hit, semantic-hit, miss or refresh; empty: no question.", max_length=16
            ),
        ),
        migrations.AddField(
            model_name="hourlyusage",
            name="answered_semantically",
            field=models.BigIntegerField(default=0, help_text="Those of them to a question merely like it."),
        ),
    ]
