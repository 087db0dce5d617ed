"""What a tenant owns: fields, constraints and what a row must satisfy. Writes are in `actions`, reads in `queries`."""

from tenants.models.alerts import AlertChannel, EventKind
from tenants.models.audit import AuditEntry, AuditHead
from tenants.models.collections import Collection
from tenants.models.keys import ApiKey, KeySecret, Scope
from tenants.models.organisation import Invitation, Membership, Tenant
from tenants.models.playground import PlaygroundPass
from tenants.models.policies import PolicyVersion
from tenants.models.upstreams import Upstream
from tenants.models.views import SavedView

__all__ = [
    "AlertChannel",
    "ApiKey",
    "AuditEntry",
    "AuditHead",
    "Collection",
    "EventKind",
    "Invitation",
    "KeySecret",
    "Membership",
    "PlaygroundPass",
    "PolicyVersion",
    "SavedView",
    "Scope",
    "Tenant",
    "Upstream",
]
