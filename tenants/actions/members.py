"""Changes of who may do what in a tenant. One that has owners always keeps one."""

import hashlib
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError

from tenants import audit
from tenants.models import Invitation, Membership, Tenant

INVITATION_LIFE = timedelta(days=7)
_OWNER = Membership.Role.OWNER


class InvitationOver(ValueError):
    """The link was used, withdrawn, is too old, or never was one."""


@dataclass(frozen=True, slots=True)
class Invited:
    """An invitation with the token of its link, to be shown to one person once."""

    invitation: Invitation
    token: str = field(repr=False)


def set_role(*, actor: str, tenant: Tenant, user: User, role: str) -> Membership:
    """Make the user a member with this role, or change the role. The last owner stays one."""
    _check_role(role)
    with audit.change(actor=actor) as trail:
        row = Membership.objects.filter(tenant=tenant, user=user).first() or Membership(tenant=tenant, user=user)
        before = row.role if row.pk else None
        if before != role:
            _keep_an_owner(row, "role", "This is the last owner. Make somebody else an owner first.")
            row.role = role
            row.full_clean()
            row.save()
            trail.record("member.set_role", row, {"role": [before, role]})
    return row


def remove_member(*, actor: str, tenant: Tenant, user: User) -> None:
    """End the user's membership, if there is one. The last owner cannot be removed."""
    with audit.change(actor=actor) as trail:
        row = Membership.objects.filter(tenant=tenant, user=user).first()
        if row is not None:
            _keep_an_owner(row, None, "The last owner cannot be removed. Make somebody else an owner first.")
            trail.record("member.remove", row, {"role": [row.role, None]})
            row.delete()


def invite(*, actor: str, tenant: Tenant, invited_by: User, role: str, note: str, at: datetime) -> Invited:
    """A link for one person, good once and for some days."""
    _check_role(role)
    token = secrets.token_urlsafe(32)
    row = Invitation(
        tenant=tenant,
        role=role,
        note=note,
        digest=_digest(token),
        invited_by=invited_by,
        expires_at=at + INVITATION_LIFE,
    )
    with audit.change(actor=actor) as trail:
        row.full_clean(exclude=["digest"])
        row.save(force_insert=True)
        trail.record("member.invite", row, {"role": [None, role], "expires_at": [None, row.expires_at]})
    return Invited(row, token)


def withdraw_invitation(*, actor: str, invitation: Invitation) -> None:
    """The link stops working."""
    with audit.change(actor=actor) as trail:
        row = Invitation.objects.filter(pk=invitation.pk, accepted_at=None).first()
        if row is not None:
            trail.record("member.withdraw_invitation", row)
            row.delete()


def open_invitation(token: str, at: datetime) -> Invitation:
    """The invitation of this token, still to be accepted. Raises InvitationOver."""
    rows = Invitation.objects.select_related("tenant", "invited_by")
    row = rows.filter(digest=_digest(token), accepted_at=None, expires_at__gt=at).first()
    if row is None or not _may_still_invite(row):
        raise InvitationOver
    return row


def accept_invitation(*, actor: str, token: str, user: User, at: datetime) -> Membership:
    """Join, once. Who is a member already keeps the higher of both roles. Raises InvitationOver."""
    with audit.change(actor=actor) as trail:
        invitation = open_invitation(token, at)
        invitation.accepted_at = at
        invitation.save(update_fields=["accepted_at"])
        trail.record("member.accept_invitation", invitation, {"accepted_at": [None, at]})
        present = Membership.objects.filter(tenant=invitation.tenant, user=user).first()
        if present is not None and _rank(present.role) <= _rank(invitation.role):
            return present
        return set_role(actor=actor, tenant=invitation.tenant, user=user, role=invitation.role)


def _check_role(role: str) -> None:
    if role not in Membership.Role.values:
        raise ValidationError({"role": f"{role!r} is not one of {', '.join(Membership.Role.values)}."})


def _rank(role: str) -> int:
    return Membership.Role.values.index(role)


def _keep_an_owner(row: Membership, name: str | None, words: str) -> None:
    """Raise ValidationError if this member is the only owner."""
    if row.pk is None or row.role != _OWNER:
        return
    others = Membership.objects.filter(tenant=row.tenant, role=_OWNER, user__is_active=True).exclude(pk=row.pk)
    if not others.exists():
        raise ValidationError({name: words} if name else words)


def _may_still_invite(row: Invitation) -> bool:
    """Whether who made the link could make it today: a removed admin's links must not outlive the admin."""
    inviter = row.invited_by
    if inviter is None or not inviter.is_active:
        return False
    if inviter.is_superuser:
        return True
    member = Membership.objects.filter(tenant=row.tenant, user=inviter).first()
    if member is None or member.role not in (Membership.Role.OWNER, Membership.Role.ADMIN):
        return False
    return member.role == _OWNER or row.role != _OWNER


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
