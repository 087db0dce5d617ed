"""The only door from a person's request to a tenant's rows. What is another's looks like what does not exist."""

from collections.abc import Container
from typing import Any, TypeVar
from uuid import UUID

from django.contrib.auth.models import AnonymousUser, User
from django.core.exceptions import ValidationError
from django.db.models import Model, Q, QuerySet

from tenants.models import AlertChannel, ApiKey, Collection, Membership, PolicyVersion, SavedView, Tenant, Upstream

Role = Membership.Role
Row = TypeVar("Row", bound=Model)

EVERY_ROLE = frozenset(Role)
MANAGERS = frozenset({Role.OWNER, Role.ADMIN})
PLAYERS = MANAGERS | {Role.MEMBER}
"""Who may ask models as one of the tenant's keys."""
EDITORS = MANAGERS | {Role.MEMBER}
"""Who may load, change and remove documents."""


class NotFound(LookupError):
    """There is no such thing, or it is somebody else's: the asker cannot tell which."""


class NotAllowed(PermissionError):
    """A member asks for more than the role allows."""


def tenants_of(user: User | AnonymousUser) -> QuerySet[Tenant]:
    """The tenants the user may look at: those of a member, all of them for a superuser."""
    if not user.is_active:
        return Tenant.objects.none()
    if user.is_superuser:
        return Tenant.objects.all()
    return Tenant.objects.filter(memberships__user_id=user.pk)


def role_in(user: User | AnonymousUser, tenant: Tenant) -> Membership.Role | None:
    """The user's role in the tenant; a superuser has an owner's everywhere."""
    if not user.is_active:
        return None
    if user.is_superuser:
        return Role.OWNER
    membership = Membership.objects.filter(user_id=user.pk, tenant=tenant).first()
    return Role(membership.role) if membership else None


def tenant_for(user: User | AnonymousUser, slug: str, *, roles: Container[Membership.Role] = EVERY_ROLE) -> Tenant:
    """The tenant, for one of its members with one of these roles. Raises NotFound, NotAllowed."""
    tenant = tenants_of(user).filter(slug=slug).first()
    role = role_in(user, tenant) if tenant else None
    if tenant is None or role is None:
        raise NotFound(slug)
    if role not in roles:
        raise NotAllowed(f"As {role.label.lower()} of {slug} you may not do this.")
    return tenant


def key_for(tenant: Tenant, key_id: UUID | str) -> ApiKey:
    """The tenant's key. Raises NotFound."""
    return _one(ApiKey.objects.filter(tenant=tenant), key_id)


def upstream_for(tenant: Tenant, upstream_id: UUID | str) -> Upstream:
    """The tenant's upstream. Raises NotFound."""
    return _one(Upstream.objects.filter(tenant=tenant), upstream_id)


def channel_for(tenant: Tenant, channel_id: UUID | str) -> AlertChannel:
    """The tenant's alert channel. Raises NotFound."""
    return _one(AlertChannel.objects.filter(tenant=tenant), channel_id)


def collection_for(tenant: Tenant, name: str) -> Collection:
    """The tenant's collection of this name. Raises NotFound."""
    row = Collection.objects.select_related("tenant").filter(tenant=tenant, name=name).first()
    if row is None:
        raise NotFound(name)
    return row


def collections_open_to(tenant: Tenant, role: Membership.Role | None) -> list[Collection]:
    """The tenant's collections, by name, that a member of this role may look into; managers decide who may."""
    rows = Collection.objects.select_related("tenant").filter(tenant=tenant).order_by("name")
    return [row for row in rows if role in MANAGERS or row.admits_role(role)]


def collection_open_to(tenant: Tenant, collection_id: UUID, role: Membership.Role | None) -> Collection:
    """One of them. Raises NotFound."""
    row = _one(Collection.objects.select_related("tenant").filter(tenant=tenant), collection_id)
    if role not in MANAGERS and not row.admits_role(role):
        raise NotFound(str(collection_id))
    return row


def policy_for(tenant: Tenant | None, number: int) -> PolicyVersion:
    """The version of the tenant's policy, or of the platform's (None). Raises NotFound."""
    row = PolicyVersion.objects.select_related("tenant").filter(tenant=tenant, number=number).first()
    if row is None:
        raise NotFound(str(number))
    return row


def views_for(user: User | AnonymousUser, tenant: Tenant) -> QuerySet[SavedView]:
    """The saved views that this member sees: the person's own and everybody's."""
    return SavedView.objects.filter(Q(owner_id=user.pk) | Q(owner=None), tenant=tenant)


def view_for(user: User, tenant: Tenant, view_id: int, *, to_change: bool = False) -> SavedView:
    """One of them; everybody's are changed by managers alone. Raises NotFound, NotAllowed."""
    row = _one(views_for(user, tenant), view_id)
    if to_change and row.owner_id is None and role_in(user, tenant) not in MANAGERS:
        raise NotAllowed("This view is everybody's: an owner or admin may change it.")
    return row


def member_for(tenant: Tenant, username: str) -> Membership:
    """The tenant's member of this name. Raises NotFound."""
    row = Membership.objects.select_related("user").filter(tenant=tenant, user__username=username).first()
    if row is None:
        raise NotFound(username)
    return row


def _one(rows: QuerySet[Row], row_id: Any) -> Row:
    try:
        row = rows.filter(pk=row_id).first()
    except ValidationError:  # not even a UUID
        row = None
    if row is None:
        raise NotFound(str(row_id))
    return row
