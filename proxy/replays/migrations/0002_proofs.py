"""Proofs of policies in the worker."""

import django.db.models.deletion
import uuid
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('replays', '0001_initial'),
        ('tenants', '0015_transcripts'),
    ]

    operations = [
        migrations.AlterField(
            model_name='policyreplay',
            name='above',
            field=models.JSONField(default=dict, help_text="The platform's policy above the tenant's."),
        ),
        migrations.CreateModel(
            name='PolicyProof',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('above', models.JSONField(default=dict, help_text="The platform's policy above the tenant's.")),
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
                ('own', models.JSONField(default=dict, help_text="The tenant's policy.")),
                ('privacy', models.JSONField(help_text='Its privacy settings; the platform has none.', null=True)),
                ('tenant', models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='tenants.tenant')),
            ],
            options={
                'ordering': ['-created_at', 'id'],
                'indexes': [models.Index(fields=['state', 'created_at'], name='proofs_that_wait')],
            },
        ),
    ]
