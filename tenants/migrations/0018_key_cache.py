"""Where a key's cache differs from its tenant's."""

from django.db import migrations, models

import tenants.caching


class Migration(migrations.Migration):
    dependencies = [("tenants", "0017_detectors")]

    operations = [
        migrations.AddField(
            model_name="apikey",
            name="cache",
            field=models.JSONField(
                blank=True,
                default=dict,
                help_text="Where it differs from the tenant's.",
                validators=[tenants.caching.check_overrides],
                verbose_name="kept answers",
            ),
        ),
    ]
