"""What a tenant lets be asked, answered and done."""

from django.db import migrations, models

import tenants.policies


class Migration(migrations.Migration):
    dependencies = [("tenants", "0011_saved_views")]

    operations = [
        migrations.AddField(
            model_name="tenant",
            name="policy",
            field=models.JSONField(
                blank=True,
                default=dict,
                help_text="What may be asked, answered and done.",
                validators=[tenants.policies.check_policy],
            ),
        ),
    ]
