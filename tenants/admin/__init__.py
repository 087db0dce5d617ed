"""The operator's pages on tenants, members, keys, upstreams and the audit."""

from tenants.admin import single_sign_on
from tenants.admin.keys import ApiKeyAdmin
from tenants.admin.people import PersonAdmin
from tenants.admin.second_factors import SecondFactorAdmin
from tenants.admin.tenants import TenantAdmin
from tenants.admin.trail import AuditEntryAdmin
from tenants.admin.upstreams import UpstreamAdmin

__all__ = [
    "ApiKeyAdmin",
    "AuditEntryAdmin",
    "PersonAdmin",
    "SecondFactorAdmin",
    "TenantAdmin",
    "UpstreamAdmin",
    "single_sign_on",
]
