"""The database in the form of the file. Every field is written out, no secret is: applying it changes nothing."""

from collections.abc import Iterable
from typing import Any

import yaml

from tenants.declarative import rows
from tenants.models import ApiKey, Tenant

HEADER = """\
# Written by `manage.py export`. Credentials are never exported: `apply` keeps the stored ones.
# To set one, add `api_key_env: NAME_OF_A_VARIABLE` to its upstream, `secret_env` to a webhook.
# Revoked keys are left out.
"""


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        """Write equal values out each time: people edit this file."""
        return True


def export(tenants: Iterable[Tenant]) -> dict[str, Any]:
    """The tenants with their upstreams and active keys, as plain values."""
    return {"tenants": [_tenant(tenant) for tenant in tenants]}


def as_yaml(exported: dict[str, Any]) -> str:
    """The same as the text of a file."""
    body = yaml.dump(exported, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)
    return HEADER + body


def _tenant(row: Tenant) -> dict[str, Any]:
    active = row.keys.filter(status=ApiKey.Status.ACTIVE).order_by("name")
    return {
        **rows.tenant_fields(row),
        "alerts": [rows.channel_fields(channel) for channel in row.alert_channels.order_by("name")],
        "upstreams": [rows.upstream_fields(upstream) for upstream in row.upstreams.order_by("priority", "name")],
        "keys": [_key(key) for key in active],
        "rag": {
            "collections": [rows.collection_fields(kept) for kept in row.collections.order_by("name")],
            "inject": row.inject,
        },
    }


def _key(row: ApiKey) -> dict[str, Any]:
    fields = rows.key_fields(row)
    if row.expires_at is not None:
        fields["expires_at"] = row.expires_at.isoformat()
    return fields
