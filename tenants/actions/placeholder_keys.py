"""Changes of how the keys of placeholders are kept."""

from tenants import audit, placeholder_keys, secrets
from tenants.actions import rows
from tenants.actions.upstreams import Resealed
from tenants.models import Tenant


def reseal_placeholder_keys(*, actor: str) -> Resealed:
    """Seal with the newest encryption key what an older one sealed. The keys, and so all placeholders, stay."""
    done, failed = 0, []
    old = Tenant.objects.filter(placeholder_key__isnull=False).exclude(placeholder_key_version=secrets.newest_version())
    for tenant in old.order_by("pk"):
        with audit.change(actor=actor) as trail:
            row = rows.fresh(tenant)
            before = row.placeholder_key_version
            try:
                placeholder_keys.seal(row, placeholder_keys.of(row))
            except secrets.CannotDecrypt as broken:
                failed.append(f"{row}: {broken}")
                continue
            row.save(update_fields=["placeholder_key", "placeholder_key_version"])
            trail.record("tenant.reseal", row, {"placeholder_key_version": [before, row.placeholder_key_version]})
            done += 1
    return Resealed(done, tuple(failed))


def renew_placeholder_key(*, actor: str, tenant: Tenant) -> None:
    """Another key: from now on every value has another placeholder. Also mends a key that cannot be opened."""
    with audit.change(actor=actor) as trail:
        row = rows.fresh(tenant)
        row.placeholder_key = None
        placeholder_keys.ensure(row)
        row.save(update_fields=["placeholder_key", "placeholder_key_version"])
        trail.record("tenant.renew_placeholder_key", row)
