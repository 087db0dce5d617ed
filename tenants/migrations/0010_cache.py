"""Which answers of a tenant are kept for who asks the same again."""

from django.db import migrations, models

import tenants.caching


class Migration(migrations.Migration):
    dependencies = [("tenants", "0009_playground_passes")]

    operations = [
        migrations.AddField(
            model_name="tenant",
            name="cache",
            field=models.JSONField(
                blank=True,
                default=dict,
                help_text="Which of its answers are kept for who asks the same again.",
                validators=[tenants.caching.check_settings],
            ),
        ),
    ]
