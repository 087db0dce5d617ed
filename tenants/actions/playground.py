"""Asking as a key from the browser: passes that live for minutes and die with the session they were given in."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError

from tenants import audit, keys, sessions
from tenants.actions import rows
from tenants.models import ApiKey, PlaygroundPass, Scope

PASS_LIFE = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class GivenPass:
    """A pass with its secret, for the page that asked for it."""

    expires_at: datetime
    secret: str = field(repr=False)


def open_playground(*, actor: str, key: ApiKey, user: User, session_key: str, at: datetime) -> GivenPass:
    """A pass for this person to ask as the key, from this session alone. It replaces the one before."""
    secret = keys.make()
    _version, digest = keys.digests(secret)[0]
    row = PlaygroundPass(key=key, user=user, digest=digest, expires_at=at + PASS_LIFE)
    row.session_digest = sessions.digest(session_key)
    with audit.change(actor=actor) as trail:
        _check(rows.fresh(key), at)
        old = PlaygroundPass.objects.filter(user=user, key=key, session_digest=row.session_digest)
        (old | PlaygroundPass.objects.filter(expires_at__lte=at)).delete()
        row.save(force_insert=True)
        trail.record("playground.open", key, {"person": [None, user.get_username()], "until": [None, row.expires_at]})
    return GivenPass(row.expires_at, secret)


def end_playground(*, actor: str, session_key: str) -> None:
    """End the passes of a session that is over."""
    passes = PlaygroundPass.objects.filter(session_digest=sessions.digest(session_key))
    if not passes.exists():
        return
    with audit.change(actor=actor) as trail:
        for row in passes.select_related("key__tenant"):
            trail.record("playground.end", row.key)
        passes.delete()


def _check(key: ApiKey, at: datetime) -> None:
    if key.status != ApiKey.Status.ACTIVE or (key.expires_at is not None and key.expires_at <= at):
        raise ValidationError("This key is revoked or has expired. Choose another one.")
    if Scope.MESSAGES not in key.scopes:
        raise ValidationError("This key may not ask models: it lacks the scope messages. Choose another one.")
