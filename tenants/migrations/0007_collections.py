# The collections of documents that a tenant's requests may be answered from.

import uuid

import django.core.validators
import django.db.models.deletion
from django.db import migrations, models

import tenants.models.collections
import tenants.models.defaults
import tenants.validators


class Migration(migrations.Migration):
    dependencies = [("tenants", "0006_alert_channels")]

    operations = [
        migrations.CreateModel(
            name="Collection",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                (
                    "name",
                    models.CharField(
                        max_length=63,
                        validators=[
                            django.core.validators.RegexValidator(
                                "^[a-z0-9]([a-z0-9_-]*[a-z0-9])?\\Z",
                                "Use lower-case letters, digits, - and _: requests name it in a header.",
                            )
                        ],
                    ),
                ),
                (
                    "description",
                    models.CharField(blank=True, max_length=500, validators=[tenants.validators.check_label]),
                ),
                (
                    "embedding",
                    models.CharField(
                        default="default",
                        help_text="default, or UPSTREAM/MODEL for the embeddings of one of the tenant's upstreams.",
                        max_length=250,
                        validators=[tenants.validators.check_label],
                    ),
                ),
                (
                    "chunk_tokens",
                    models.PositiveIntegerField(
                        default=240,
                        help_text="Longest passage, in tokens.",
                        validators=[
                            django.core.validators.MinValueValidator(32),
                            django.core.validators.MaxValueValidator(4000),
                        ],
                    ),
                ),
                (
                    "chunk_overlap",
                    models.PositiveIntegerField(
                        default=32, help_text="Tokens that a passage repeats of the one before it."
                    ),
                ),
                (
                    "is_required",
                    models.BooleanField(
                        default=False,
                        help_text="Refuse a request that cannot be searched for, instead of going on without.",
                        verbose_name="required",
                    ),
                ),
                (
                    "key_globs",
                    models.JSONField(
                        default=tenants.models.defaults.all_models,
                        error_messages={"blank": "Name at least one glob; * is every key."},
                        help_text="Globs of the names of the keys that may use it; * is every key.",
                        validators=[tenants.models.collections.check_key_globs],
                    ),
                ),
                (
                    "roles",
                    models.JSONField(
                        default=tenants.models.collections.every_role,
                        error_messages={"blank": "Name at least one role."},
                        help_text="Roles of the members who may search it.",
                        validators=[tenants.models.collections.check_roles],
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "tenant",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="collections", to="tenants.tenant"
                    ),
                ),
            ],
            options={
                "ordering": ["tenant", "name"],
                "constraints": [
                    models.UniqueConstraint(fields=("tenant", "name"), name="collection_names_are_unique_in_a_tenant")
                ],
            },
        ),
    ]
