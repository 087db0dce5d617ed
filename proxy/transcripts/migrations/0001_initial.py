"""The text of calls, sealed."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('tenants', '0015_transcripts'),
    ]

    operations = [
        migrations.CreateModel(
            name='Transcript',
            fields=[
                ('id', models.CharField(help_text='Of the request, as in its usage record.', max_length=40, primary_key=True, serialize=False)),
                ('started_at', models.DateTimeField(help_text='When the call came in.')),
                ('sealed', models.BinaryField(help_text='AEAD ciphertext, see proxy/transcripts/sealing.py.')),
                ('bytes', models.PositiveIntegerField(help_text="What it takes of the tenant's share.")),
                ('tenant', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='tenants.tenant')),
            ],
            options={
                'ordering': ['started_at', 'id'],
                'indexes': [models.Index(fields=['tenant', 'started_at'], name='transcripts_by_time')],
            },
        ),
    ]
