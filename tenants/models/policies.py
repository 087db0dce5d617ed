"""The versions of policies: what was, is or may become what may be asked, answered and done."""

from django.db import models
from django.db.models import Q

from tenants import policies, validators
from tenants.models.organisation import Tenant


class PolicyVersion(models.Model):
    """A whole policy as it was at some time. Without a tenant it is the platform's, which stands above all tenants'."""

    class State(models.TextChoices):
        DRAFT = "draft"
        ACTIVE = "active"
        PAST = "past"

    tenant = models.ForeignKey(Tenant, null=True, blank=True, on_delete=models.CASCADE, related_name="policy_versions")
    number = models.PositiveIntegerField()
    state = models.CharField(max_length=16, choices=State.choices)
    document = models.JSONField(default=dict, blank=True, validators=[policies.check_policy])
    note = models.CharField(max_length=200, blank=True, validators=[validators.check_label])
    author = models.CharField(max_length=200)
    created_at = models.DateTimeField(auto_now_add=True)
    activated_at = models.DateTimeField(null=True, editable=False, help_text="When it was last made to hold.")

    class Meta:
        ordering = ["tenant", "-number"]
        constraints = [
            models.UniqueConstraint(fields=["tenant", "number"], name="policy_versions_are_numbered"),
            models.UniqueConstraint(
                fields=["number"], condition=Q(tenant=None), name="platform_policy_versions_are_numbered"
            ),
            *(
                models.UniqueConstraint(
                    fields=["tenant"], condition=Q(state=state), name=f"one_{state}_policy_of_a_tenant"
                )
                for state in ("draft", "active")
            ),
            *(
                models.UniqueConstraint(
                    fields=["state"], condition=Q(state=state, tenant=None), name=f"one_{state}_policy_of_the_platform"
                )
                for state in ("draft", "active")
            ),
        ]

    def __str__(self) -> str:
        return f"{self.tenant or 'platform'}: version {self.number}"
