"""Changes of API keys. A secret leaves this module once, in what `issue_key` and `rotate_key` return."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypedDict, Unpack
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q

from tenants import audit, keys, queries, retrieval
from tenants.actions import rows
from tenants.models import ApiKey, KeySecret, Tenant

DEFAULT_OVERLAP = timedelta(hours=24)
MAX_OVERLAP = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class IssuedKey:
    """A key with its new secret, to be shown to one person once."""

    key: ApiKey
    secret: str = field(repr=False)


class KeyOptions(TypedDict, total=False):
    """What a key may be given beside its name. None stands for the default."""

    scopes: list[str] | None
    model_globs: list[str] | None
    ip_allow: list[str] | None
    expires_at: datetime | None
    metadata: dict[str, str] | None
    limits: dict[str, int] | None
    budgets: list[dict[str, Any]] | None
    pii: dict[str, Any] | None
    inject: dict[str, Any] | None
    cache: dict[str, Any] | None


class KeyChanges(KeyOptions, total=False):
    """What may be changed of a key."""

    name: str


def issue_key(*, actor: str, tenant: Tenant, name: str, **options: Unpack[KeyOptions]) -> IssuedKey:
    """A new key with its first secret."""
    with audit.change(actor=actor) as trail:
        row = ApiKey(tenant=tenant)
        rows.fill(row, {"name": name, **options}, KeyChanges.__annotations__)
        if row.inject:
            _check_collections(row)
        given = rows.insert(row, ["name", *options])
        secret, shown = _add_secret(row)
        trail.record("key.issue", row, {**given, "secret": [None, shown]})
    return IssuedKey(row, secret)


def change_key(*, actor: str, key: ApiKey, **changes: Unpack[KeyChanges]) -> ApiKey:
    """The key as changed."""
    with audit.change(actor=actor) as trail:
        row = _active(key)
        done = rows.edit(row, changes, KeyChanges.__annotations__)
        if "inject" in done:
            _check_collections(row)
        if done:
            row.save(update_fields=list(done))  # not last_used_at, which others write
            trail.record("key.change", row, done)
    return row


def rotate_key(*, actor: str, key: ApiKey, at: datetime, overlap: timedelta = DEFAULT_OVERLAP) -> IssuedKey:
    """A new secret for the key. Its present ones end at `at` + `overlap`, or sooner if they would have anyway."""
    if not timedelta(0) <= overlap <= MAX_OVERLAP:
        raise ValidationError({"overlap": f"The overlap must be between 0 and {MAX_OVERLAP.days} days."})
    ends_at = at + overlap
    with audit.change(actor=actor) as trail:
        row = _active(key)
        replaced = row.secrets.first()
        row.secrets.filter(Q(expires_at=None) | Q(expires_at__gt=ends_at)).update(expires_at=ends_at)
        secret, shown = _add_secret(row)
        trail.record("key.rotate", row, {"secret": [str(replaced), shown], "old_secret_ends_at": [None, ends_at]})
    return IssuedKey(row, secret)


def revoke_key(*, actor: str, key: ApiKey) -> ApiKey:
    """End the key for good, with all its secrets."""
    with audit.change(actor=actor) as trail:
        row = rows.fresh(key)
        if row.status != ApiKey.Status.REVOKED:
            before, row.status = row.status, ApiKey.Status.REVOKED
            row.save(update_fields=["status"])
            trail.record("key.revoke", row, {"status": [before, row.status]})
    return row


def note_use(*, used: Mapping[UUID, datetime]) -> None:
    """When keys were last used, as far as later than known. No change anybody made: not in the audit."""
    with transaction.atomic():
        for key_id, at in sorted(used.items()):
            later = ApiKey.objects.filter(Q(last_used_at=None) | Q(last_used_at__lt=at), pk=key_id)
            later.update(last_used_at=at)


def _active(key: ApiKey) -> ApiKey:
    row = rows.fresh(key)
    if row.status != ApiKey.Status.ACTIVE:
        raise ValidationError("This key is revoked for good. Issue a new one.")
    return row


def _check_collections(row: ApiKey) -> None:
    """Not at every change: a collection that is removed later is passed over, and keeps no key from changing."""
    usable = queries.collections_of_key(row)
    rows.check("inject", lambda: retrieval.check_names(row.inject, {collection.name for collection in usable}))


def _add_secret(row: ApiKey) -> tuple[str, str]:
    """A fresh secret of the key, and what may be shown of it."""
    secret = keys.make()
    version, digest = keys.digests(secret)[0]
    prefix, last_four = keys.display(secret)
    kept = KeySecret.objects.create(key=row, digest=digest, pepper_version=version, prefix=prefix, last_four=last_four)
    return secret, str(kept)
