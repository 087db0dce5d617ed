"""Filters of requests that somebody gave a name."""

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models

from tenants import validators
from tenants.models.organisation import Tenant


class SavedView(models.Model):
    """One person's filters, or (without an owner) those of everybody in the tenant."""

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="saved_views")
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.CASCADE)
    name = models.CharField(max_length=60, validators=[validators.check_label])
    query = models.CharField(max_length=2500, help_text="The part of an address behind the question mark.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["tenant", "owner", "name"], name="view_names_are_unique_for_an_owner"),
            models.UniqueConstraint(
                fields=["tenant", "name"], condition=models.Q(owner=None), name="view_names_are_unique_in_a_tenant"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.tenant}/{self.name}"

    def clean(self) -> None:
        others = SavedView.objects.filter(tenant=self.tenant_id, owner=self.owner_id, name=self.name)
        if others.exclude(pk=self.pk).exists():
            raise ValidationError({"name": "There is a view of this name already."})
        if SavedView.objects.filter(tenant=self.tenant_id, owner=self.owner_id).exclude(pk=self.pk).count() >= MOST:
            raise ValidationError(f"There are {MOST} views already. Delete one first.")


MOST = 50
"""Views of one owner in a tenant."""
