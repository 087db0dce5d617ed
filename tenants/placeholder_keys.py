"""The key that a tenant's placeholders are made with.

Another key makes other placeholders. Nothing that is kept depends on it, so it needs no overlap; but an upstream's
prompt caches are cold once.
"""

from tenants.models import Tenant
from tenants.tenant_keys import TenantKey

KEY = TenantKey("placeholder_key", "key for placeholders", "Save its privacy settings once.")
seal, of, by_version = KEY.seal, KEY.of, KEY.by_version


def ensure(tenant: Tenant) -> None:
    """Give a tenant with privacy settings a key, unless it has one. Saves nothing."""
    if tenant.pii:
        KEY.make(tenant)
