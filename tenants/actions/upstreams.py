"""Changes of upstreams. A credential goes in and never comes out: the audit says only that it was set."""

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, TypedDict, Unpack

from django.core.exceptions import ValidationError

from tenants import audit, destinations, queries, secrets, validators
from tenants.actions import rows
from tenants.models import Tenant, Upstream


class Unchanged(enum.Enum):
    """The type of UNCHANGED."""

    UNCHANGED = enum.auto()


UNCHANGED: Final = Unchanged.UNCHANGED
"""Leave the stored credential as it is; '' clears it."""


class UpstreamOptions(TypedDict, total=False):
    """What an upstream may be given beside its name. None stands for the default."""

    kind: str | None
    base_url: str | None
    model_globs: list[str] | None
    model_aliases: dict[str, str] | None
    priority: int | None
    is_enabled: bool | None
    connect_timeout_seconds: float | None
    read_timeout_seconds: float | None
    max_connections: int | None


class UpstreamChanges(UpstreamOptions, total=False):
    """What may be changed of an upstream."""

    name: str


def add_upstream(
    *, actor: str, tenant: Tenant, name: str, credential: str = "", **options: Unpack[UpstreamOptions]
) -> Upstream:
    """A new upstream of the tenant."""
    row = Upstream(tenant=tenant)
    values = _with_base_url(row, {"name": name, **options})
    check_resolved(values["base_url"])
    with audit.change(actor=actor) as trail:
        rows.fill(row, values, UpstreamChanges.__annotations__)
        stored = _store(row, credential)
        given = rows.insert(row, values)
        trail.record("upstream.add", row, {**given, **stored})
    return row


def change_upstream(
    *,
    actor: str,
    upstream: Upstream,
    credential: str | Unchanged = UNCHANGED,
    **changes: Unpack[UpstreamChanges],
) -> Upstream:
    """The upstream as changed. Another base URL clears the credential, unless a new one comes with it."""
    base_url = _with_base_url(upstream, changes)["base_url"]
    if base_url != upstream.base_url:
        check_resolved(base_url)
    with audit.change(actor=actor) as trail:
        row = rows.fresh(upstream)
        done = rows.edit(row, _with_base_url(row, changes), UpstreamChanges.__annotations__)
        if credential is UNCHANGED and done.keys() & {"base_url", "kind"}:
            credential = ""  # it was meant for the old address and must not reach the new one
        if credential is not UNCHANGED:
            done |= _store(row, credential)
        if done:
            row.save()
            trail.record("upstream.change", row, done)
    return row


def delete_upstream(*, actor: str, upstream: Upstream) -> None:
    """The upstream goes, and its credential with it."""
    with audit.change(actor=actor) as trail:
        row = rows.fresh(upstream)
        trail.record("upstream.delete", row)
        row.delete()


@dataclass(frozen=True, slots=True)
class Resealed:
    """What became of the credentials that an older key had sealed."""

    resealed: int
    failed: tuple[str, ...]  # why, one sentence per upstream that could not be opened


def reseal_credentials(*, actor: str, batch: int = 100) -> Resealed:
    """Seal every credential with the newest key. Each batch commits by itself: stop and start again at will."""
    done, failed, last = 0, [], None
    while True:
        with audit.change(actor=actor) as trail:
            rows_now = list(queries.to_reseal(after=last)[:batch])
            for row in rows_now:
                before, last = row.credential_version, row.pk
                try:
                    _seal(row, queries.credential_of(row))
                except secrets.CannotDecrypt as broken:
                    failed.append(f"{row}: {broken}")
                    continue
                row.save(update_fields=["credential", "credential_version"])
                trail.record("upstream.reseal", row, {"credential_version": [before, row.credential_version]})
                done += 1
        if not rows_now:
            return Resealed(done, tuple(failed))


def settled_base_url(kind: str, given: str | None) -> str:
    """The base URL as it is stored: the kind's own where none is given, without a slash at the end."""
    if kind == Upstream.Kind.ANTHROPIC:
        return (given or destinations.ANTHROPIC_URL).strip().rstrip("/")
    return given or ""


def check_resolved(base_url: str) -> None:
    """Raise ValidationError if the host leads to a forbidden address. Asks name servers, so never under a lock."""
    if not base_url:
        return
    try:
        destinations.check_url(base_url, resolve=destinations.lookup)
    except destinations.Forbidden as forbidden:
        raise ValidationError({"base_url": str(forbidden)}) from forbidden


def _with_base_url(row: Upstream, changes: Mapping[str, Any]) -> dict[str, Any]:
    """The changes with the base URL that belongs to them: another kind does not inherit it."""
    kind = changes.get("kind") or row.kind
    inherited = row.base_url if kind == row.kind else ""
    return {**changes, "base_url": settled_base_url(kind, changes.get("base_url", inherited))}


def _store(row: Upstream, credential: str) -> dict[str, list[str]]:
    """Put the credential into the row; what the audit may say of it, nothing if it is the same."""
    credential = credential.strip()
    if credential == _stored(row):
        return {}
    if not credential:
        row.credential, row.credential_version = None, None
        return {"credential": ["set", "cleared"]}
    if row.kind == Upstream.Kind.SIMULATOR:
        raise ValidationError({"credential": "The simulator is built in: it takes no credential."})
    try:
        validators.check_credential(credential)
    except ValidationError as wrong:
        raise ValidationError({"credential": wrong.messages}) from None
    was = "none" if row.credential is None else "set"
    _seal(row, credential)
    return {"credential": [was, "set" if was == "none" else "changed"]}


def _stored(row: Upstream) -> str | None:
    """The credential in the row, '' for none, None where it cannot be opened any more."""
    try:
        return queries.credential_of(row)
    except secrets.CannotDecrypt:
        return None


def _seal(row: Upstream, credential: str) -> None:
    row.credential, row.credential_version = secrets.seal(credential, queries.place_of(row))
