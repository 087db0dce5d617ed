"""Whether the text of a tenant's calls is kept, and the key that it is sealed with."""

from django.db import migrations, models

import tenants.transcripts


class Migration(migrations.Migration):
    dependencies = [("tenants", "0014_passages")]

    operations = [
        migrations.AddField(
            model_name="tenant",
            name="transcripts",
            field=models.JSONField(
                blank=True,
                default=dict,
                help_text="Whether the text of its calls is kept, how long and how much.",
                validators=[tenants.transcripts.check_settings],
                verbose_name="kept text",
            ),
        ),
        migrations.AddField(
            model_name="tenant",
            name="transcript_key",
            field=models.BinaryField(editable=False, help_text="AEAD ciphertext, see tenants/secrets.py.", null=True),
        ),
        migrations.AddField(
            model_name="tenant",
            name="transcript_key_version",
            field=models.PositiveIntegerField(editable=False, null=True),
        ),
    ]
