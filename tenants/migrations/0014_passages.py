"""Which passages requests are given, by tenant and by key."""

from django.db import migrations, models

import tenants.retrieval


class Migration(migrations.Migration):
    dependencies = [("tenants", "0013_policy_versions")]

    operations = [
        migrations.AddField(
            model_name="tenant",
            name="inject",
            field=models.JSONField(
                blank=True,
                default=dict,
                help_text="Which of its documents' passages its requests are given.",
                validators=[tenants.retrieval.check_settings],
                verbose_name="passages in requests",
            ),
        ),
        migrations.AddField(
            model_name="apikey",
            name="inject",
            field=models.JSONField(
                blank=True,
                default=dict,
                help_text="Where it differs from the tenant's.",
                validators=[tenants.retrieval.check_settings],
                verbose_name="passages in requests",
            ),
        ),
    ]
