"""What the cache did for a call, and what that saved."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("proxy", "0006_fill_hourly_rollups")]

    operations = [
        migrations.AddField(
            model_name="usagerecord",
            name="cache_state",
            field=models.CharField(blank=True, help_text="hit, miss or refresh; empty: no question.", max_length=8),
        ),
        migrations.AddField(
            model_name="usagerecord",
            name="saved_nano_usd",
            field=models.PositiveBigIntegerField(default=0, help_text="What a kept answer cost when it was asked."),
        ),
        migrations.AddField(
            model_name="hourlyusage",
            name="looked_up",
            field=models.BigIntegerField(default=0, help_text="Those of the calls that the cache was asked for."),
        ),
        migrations.AddField(
            model_name="hourlyusage", name="answered_from_cache", field=models.BigIntegerField(default=0)
        ),
        migrations.AddField(model_name="hourlyusage", name="saved_nano_usd", field=models.BigIntegerField(default=0)),
    ]
