"""Changes of accounts by platform staff. What ends or widens somebody's rights is in the audit."""

from collections.abc import Mapping
from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError

from tenants import audit
from tenants.actions import members
from tenants.models import Membership, Tenant

TOLD = ("username", "email", "is_active", "is_staff", "is_superuser")
"""The fields whose changes are told; a password's only by name."""


def add_person(*, actor: str, user: User) -> User:
    """Store a new account as it was filled."""
    with audit.change(actor=actor) as trail:
        user.save()
        trail.record("person.add", user, {name: [None, getattr(user, name)] for name in TOLD if getattr(user, name)})
    return user


def change_person(*, actor: str, user: User, before: Mapping[str, Any]) -> User:
    """Store the account as it was changed; `before` has the old values of the fields that differ."""
    with audit.change(actor=actor) as trail:
        user.save()
        told = {name: [before[name], getattr(user, name)] for name in TOLD if name in before}
        if told:
            trail.record("person.change", user, told)
    return user


def note_password(*, actor: str, user: User) -> None:
    """Say that somebody else set this person's password."""
    with audit.change(actor=actor) as trail:
        trail.record("person.set_password", user, {"password": ["set", "changed"]})


def note_sign_in_link(*, actor: str, member: Membership) -> None:
    """Say that somebody made a link with which this member chooses a new password."""
    with audit.change(actor=actor) as trail:
        trail.record("member.sign_in_link", member)


def remove_person(*, actor: str, user: User) -> None:
    """Delete the account, its memberships one by one before it. Who is a tenant's last owner stays."""
    with audit.change(actor=actor) as trail:
        stuck = []
        for tenant in Tenant.objects.filter(memberships__user=user).order_by("slug"):
            try:
                members.remove_member(actor=actor, tenant=tenant, user=user)
            except ValidationError:
                stuck.append(tenant.slug)
        if stuck:
            raise ValidationError(
                f"{user.get_username()} is the last owner of {', '.join(stuck)}. Make somebody else an owner first."
            )
        trail.record("person.remove", user)
        user.delete()
