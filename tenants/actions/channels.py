"""Changes of the channels that alerts are sent through. A signing secret leaves this module once."""

import base64
import binascii
import secrets as randomness
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypedDict, Unpack

from django.core.exceptions import ValidationError

from tenants import audit, destinations, queries, secrets
from tenants.actions import rows
from tenants.actions.upstreams import Resealed
from tenants.models import AlertChannel, Tenant

SECRET_PREFIX = "whsec_"
"""Of the Standard Webhooks form; base64 follows."""
SIGNING_OVERLAP = timedelta(hours=24)
"""So long after a rotation both secrets sign."""
_SECRET_BYTES = 32
_LEAST_SECRET_BYTES, _MOST_SECRET_BYTES = 24, 64


class ChannelOptions(TypedDict, total=False):
    """What a channel may be given beside its name and kind. None stands for the default."""

    events: list[str] | None
    recipients: list[str] | None
    url: str | None
    is_enabled: bool | None


class ChannelChanges(ChannelOptions, total=False):
    """What may be changed of a channel."""

    name: str


@dataclass(frozen=True, slots=True)
class IssuedChannel:
    """A channel with the signing secret that was made for it; '' where it has none or knows it already."""

    channel: AlertChannel
    secret: str = field(repr=False)


def add_channel(
    *, actor: str, tenant: Tenant, name: str, kind: str, secret: str | None = None, **options: Unpack[ChannelOptions]
) -> IssuedChannel:
    """A new channel; a webhook gets a signing secret, made here unless it comes along."""
    values: dict[str, Any] = {"name": name, "kind": kind, **options}
    _check_destination(values.get("url"))
    row = AlertChannel(tenant=tenant)
    with audit.change(actor=actor) as trail:
        rows.fill(row, values, {*ChannelChanges.__annotations__, "kind"})
        done: dict[str, list[Any]] = {}
        made = ""
        if kind == AlertChannel.Kind.WEBHOOK:
            made = "" if secret else new_secret()
            _seal(row, check_secret(secret or made))
            done = {"secret": ["none", "set"]}
        given = rows.insert(row, values)
        trail.record("channel.add", row, {**given, **done})
    return IssuedChannel(row, made)


def change_channel(
    *,
    actor: str,
    channel: AlertChannel,
    secret: str | None = None,
    at: datetime | None = None,
    **changes: Unpack[ChannelChanges],
) -> AlertChannel:
    """The channel as changed; another `secret` replaces the old one as a rotation at `at` would."""
    if changes.get("url", channel.url) != channel.url:
        _check_destination(changes.get("url"))
    with audit.change(actor=actor) as trail:
        row = rows.fresh(channel)
        done = rows.edit(row, changes, ChannelChanges.__annotations__)
        if secret is not None and at is not None and secret != _stored(row):
            _replace(row, check_secret(secret), at)
            done["secret"] = ["set", "changed"]
        if done:
            row.save()
            trail.record("channel.change", row, done)
    return row


def rotate_channel_secret(*, actor: str, channel: AlertChannel, at: datetime) -> IssuedChannel:
    """A new signing secret. For a day messages carry a signature by each, so that receivers can change over."""
    with audit.change(actor=actor) as trail:
        row = rows.fresh(channel)
        if row.kind != AlertChannel.Kind.WEBHOOK:
            raise ValidationError("Only webhooks are signed.")
        secret = new_secret()
        _replace(row, secret, at)
        row.save()
        trail.record("channel.rotate", row, {"secret": ["set", "changed"]})
    return IssuedChannel(row, secret)


def delete_channel(*, actor: str, channel: AlertChannel) -> None:
    """The channel goes, with its secret and its log of deliveries."""
    with audit.change(actor=actor) as trail:
        row = rows.fresh(channel)
        trail.record("channel.delete", row)
        row.delete()


def reseal_signing_secrets(*, actor: str) -> Resealed:
    """Seal every signing secret with the newest encryption key."""
    done, failed = 0, []
    with audit.change(actor=actor) as trail:
        for row in queries.channels_to_reseal():
            before = row.secret_version
            try:
                secret, old = queries.signing_secret_of(row), queries.old_signing_secret_of(row)
            except secrets.CannotDecrypt as broken:
                failed.append(f"{row}: {broken}")
                continue
            _seal(row, secret)
            _seal_old(row, old)
            row.save()
            trail.record("channel.reseal", row, {"secret_version": [before, row.secret_version]})
            done += 1
    return Resealed(done, tuple(failed))


def new_secret() -> str:
    """Random, in the Standard Webhooks form."""
    return SECRET_PREFIX + base64.b64encode(randomness.token_bytes(_SECRET_BYTES)).decode()


def check_secret(secret: str) -> str:
    """The secret, if it is of the form. Raises ValidationError."""
    try:
        raw = base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if not secret.startswith(SECRET_PREFIX) or not _LEAST_SECRET_BYTES <= len(raw) <= _MOST_SECRET_BYTES:
        words = f"A signing secret is {SECRET_PREFIX} and the base64 of {_LEAST_SECRET_BYTES} to {_MOST_SECRET_BYTES}"
        raise ValidationError({"secret": f"{words} random bytes."})
    return secret


def _check_destination(url: str | None) -> None:
    """Asks name servers, so never under a lock."""
    if not url:
        return
    try:
        destinations.check_url(url, resolve=destinations.lookup)
    except destinations.Forbidden as forbidden:
        raise ValidationError({"url": str(forbidden)}) from forbidden


def _replace(row: AlertChannel, secret: str, at: datetime) -> None:
    _seal_old(row, _stored(row) or "")
    row.old_secret_until = at + SIGNING_OVERLAP if row.old_secret is not None else None
    _seal(row, secret)


def _stored(row: AlertChannel) -> str | None:
    """The secret in the row, None where it cannot be opened any more."""
    try:
        return queries.signing_secret_of(row)
    except secrets.CannotDecrypt:
        return None


def _seal(row: AlertChannel, secret: str) -> None:
    row.secret, row.secret_version = secrets.seal(secret, queries.place_of_secret(row, "secret"))


def _seal_old(row: AlertChannel, secret: str) -> None:
    row.old_secret, row.old_secret_version = None, None
    if secret:
        row.old_secret, row.old_secret_version = secrets.seal(secret, queries.place_of_secret(row, "old_secret"))
