"""Changes of who may do what in a tenant."""

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError

from tenants import audit
from tenants.models import Membership, Tenant


def set_role(*, actor: str, tenant: Tenant, user: User, role: str) -> Membership:
    """Make the user a member with this role, or change the role."""
    if role not in Membership.Role.values:
        raise ValidationError({"role": f"{role!r} is not one of {', '.join(Membership.Role.values)}."})
    with audit.change(actor=actor) as trail:
        row = Membership.objects.filter(tenant=tenant, user=user).first() or Membership(tenant=tenant, user=user)
        before = row.role if row.pk else None
        if before != role:
            row.role = role
            row.full_clean()
            row.save()
            trail.record("member.set_role", row, {"role": [before, role]})
    return row


def remove_member(*, actor: str, tenant: Tenant, user: User) -> None:
    """End the user's membership, if there is one."""
    with audit.change(actor=actor) as trail:
        row = Membership.objects.filter(tenant=tenant, user=user).first()
        if row is not None:
            trail.record("member.remove", row, {"role": [row.role, None]})
            row.delete()
