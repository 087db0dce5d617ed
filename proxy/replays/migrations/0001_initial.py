"""Policies tried on what was asked before."""

import django.db.models.deletion
import uuid
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('tenants', '0015_transcripts'),
    ]

    operations = [
        migrations.CreateModel(
            name='PolicyReplay',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('title', models.CharField(help_text='What is tried, for people.', max_length=200)),
                ('above', models.JSONField(default=dict, help_text="The platform's policy above both.")),
                ('tried', models.JSONField(default=dict, help_text='The policy that is tried.')),
                ('holding', models.JSONField(default=dict, help_text='The policy that held when it was asked for.')),
                ('days', models.PositiveIntegerField(help_text='So many days of kept text; else a sample.', null=True)),
                ('sample_name', models.CharField(blank=True, max_length=200)),
                ('sample', models.BinaryField(help_text='AEAD ciphertext; gone when the replay has ended.', null=True)),
                ('sample_key_version', models.PositiveIntegerField(null=True)),
                ('state', models.CharField(choices=[('queued', 'Queued'), ('running', 'Running'), ('done', 'Done'), ('failed', 'Failed'), ('cancelled', 'Cancelled')], default='queued', max_length=16)),
                ('reason', models.CharField(blank=True, help_text='Why it failed, for people.', max_length=500)),
                ('total', models.PositiveIntegerField(default=0)),
                ('done', models.PositiveIntegerField(default=0)),
                ('cursor', models.JSONField(help_text='Behind what it goes on.', null=True)),
                ('report', models.JSONField(default=dict)),
                ('author', models.CharField(max_length=200)),
                ('attempts', models.PositiveSmallIntegerField(default=0)),
                ('claim', models.CharField(blank=True, help_text='Of the worker that has it.', max_length=32)),
                ('claimed_until', models.DateTimeField(null=True)),
                ('created_at', models.DateTimeField()),
                ('ended_at', models.DateTimeField(null=True)),
                ('tenant', models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='tenants.tenant')),
            ],
            options={
                'ordering': ['-created_at', 'id'],
                'indexes': [models.Index(fields=['state', 'created_at'], name='replays_that_wait')],
            },
        ),
    ]
