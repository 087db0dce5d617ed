"""Changes of how the keys that tenants have of their own are kept."""

from functools import partial

from tenants import audit, placeholder_keys, secrets, transcript_keys
from tenants.actions import rows
from tenants.actions.upstreams import Resealed
from tenants.models import Tenant
from tenants.tenant_keys import TenantKey


def _reseal(key: TenantKey, *, actor: str) -> Resealed:
    """Seal with the newest encryption key what an older one sealed. The keys, and what was made with them, stay."""
    done, failed = 0, []
    column, version = key.columns
    old = Tenant.objects.filter(**{f"{column}__isnull": False}).exclude(**{version: secrets.newest_version()})
    for tenant in old.order_by("pk"):
        with audit.change(actor=actor) as trail:
            row = rows.fresh(tenant)
            before = getattr(row, version)
            try:
                key.seal(row, key.of(row))
            except secrets.CannotDecrypt as broken:
                failed.append(f"{row}: {broken}")
                continue
            row.save(update_fields=key.columns)
            trail.record("tenant.reseal", row, {version: [before, getattr(row, version)]})
            done += 1
    return Resealed(done, tuple(failed))


reseal_placeholder_keys = partial(_reseal, placeholder_keys.KEY)
reseal_transcript_keys = partial(_reseal, transcript_keys.KEY)


def renew_placeholder_key(*, actor: str, tenant: Tenant) -> None:
    """Another key: from now on every value has another placeholder. Also mends a key that cannot be opened."""
    with audit.change(actor=actor) as trail:
        row = rows.fresh(tenant)
        placeholder_keys.KEY.clear(row)
        placeholder_keys.ensure(row)
        row.save(update_fields=placeholder_keys.KEY.columns)
        trail.record("tenant.renew_placeholder_key", row)
