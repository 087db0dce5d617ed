# What is done with personal data in a tenant's calls, and the key that its placeholders are made with.

from django.db import migrations, models

import tenants.privacy


class Migration(migrations.Migration):
    dependencies = [("tenants", "0007_collections")]

    operations = [
        migrations.AddField(
            model_name="apikey",
            name="pii",
            field=models.JSONField(
                blank=True,
                default=dict,
                help_text="Where it differs from the tenant's.",
                validators=[tenants.privacy.check_overrides],
                verbose_name="personal data",
            ),
        ),
        migrations.AddField(
            model_name="tenant",
            name="pii",
            field=models.JSONField(
                blank=True,
                default=dict,
                help_text="What is done with personal data and secrets in its calls.",
                validators=[tenants.privacy.check_settings],
                verbose_name="personal data",
            ),
        ),
        migrations.AddField(
            model_name="tenant",
            name="placeholder_key",
            field=models.BinaryField(
                editable=False, help_text="AEAD ciphertext, see tenants/secrets.py.", null=True
            ),
        ),
        migrations.AddField(
            model_name="tenant",
            name="placeholder_key_version",
            field=models.PositiveIntegerField(editable=False, null=True),
        ),
    ]
