"""The key that the text of a tenant's calls is sealed with, where it is kept. Without the key the text is lost."""

from tenants import transcripts
from tenants.models import Tenant
from tenants.tenant_keys import TenantKey

KEY = TenantKey("transcript_key", "key for kept text", "Save its settings for kept text once.")
of, by_version = KEY.of, KEY.by_version


def ensure(tenant: Tenant) -> None:
    """Give a tenant that keeps text a key, unless it has one. Saves nothing."""
    if transcripts.effective(tenant.transcripts)["enabled"]:
        KEY.make(tenant)
