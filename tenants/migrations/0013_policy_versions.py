"""The versions of policies. Those that hold already become the first of their tenant."""

import django.db.models.deletion
from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.utils import timezone

import tenants.policies
import tenants.validators


def number_present_ones(apps: Apps, _editor: BaseDatabaseSchemaEditor) -> None:
    versions = apps.get_model("tenants", "PolicyVersion")
    for tenant in apps.get_model("tenants", "Tenant").objects.exclude(policy={}).iterator():
        versions.objects.create(
            tenant=tenant,
            number=1,
            state="active",
            document=tenant.policy,
            author="system",
            activated_at=timezone.now(),
        )


class Migration(migrations.Migration):
    dependencies = [("tenants", "0012_policy")]

    operations = [
        migrations.CreateModel(
            name="PolicyVersion",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.PositiveIntegerField()),
                (
                    "state",
                    models.CharField(
                        choices=[("draft", "Draft"), ("active", "Active"), ("past", "Past")], max_length=16
                    ),
                ),
                (
                    "document",
                    models.JSONField(blank=True, default=dict, validators=[tenants.policies.check_policy]),
                ),
                (
                    "note",
                    models.CharField(blank=True, max_length=200, validators=[tenants.validators.check_label]),
                ),
                ("author", models.CharField(max_length=200)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "activated_at",
                    models.DateTimeField(editable=False, help_text="When it was last made to hold.", null=True),
                ),
                (
                    "tenant",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="policy_versions",
                        to="tenants.tenant",
                    ),
                ),
            ],
            options={
                "ordering": ["tenant", "-number"],
                "constraints": [
                    models.UniqueConstraint(fields=("tenant", "number"), name="policy_versions_are_numbered"),
                    models.UniqueConstraint(
                        condition=models.Q(("tenant", None)),
                        fields=("number",),
                        name="platform_policy_versions_are_numbered",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("state", "draft")),
                        fields=("tenant",),
                        name="one_draft_policy_of_a_tenant",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("state", "active")),
                        fields=("tenant",),
                        name="one_active_policy_of_a_tenant",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("state", "draft"), ("tenant", None)),
                        fields=("state",),
                        name="one_draft_policy_of_the_platform",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("state", "active"), ("tenant", None)),
                        fields=("state",),
                        name="one_active_policy_of_the_platform",
                    ),
                ],
            },
        ),
        migrations.RunPython(number_present_ones, migrations.RunPython.noop),
    ]
