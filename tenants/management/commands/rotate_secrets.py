"""Seal every stored secret with the newest encryption key."""

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from django.conf import settings

from tenants import actions, audit, placeholder_keys, queries, second_factors, secrets, transcript_keys
from tenants.management import command

SEALED: Mapping[str, tuple[Callable[..., actions.Resealed], Callable[[], dict[int, int]]]] = {
    "credentials": (actions.reseal_credentials, queries.credentials_by_version),
    "second factors": (actions.reseal_second_factors, second_factors.by_version),
    "placeholder keys": (actions.reseal_placeholder_keys, placeholder_keys.by_version),
    "keys of kept text": (actions.reseal_transcript_keys, transcript_keys.by_version),
}
"""What is sealed: how each kind is sealed anew, and how many of it need which version."""


class Command(command.TenantCommand):
    help = (
        "Seal every upstream credential, second factor and key of a tenant (for placeholders, for kept text) with the "
        "newest of LLMP_ENCRYPTION_KEYS, while the servers run. It may be stopped and started again. An old key may be "
        "dropped once this says so."
    )
    examples = """\
  export LLMP_ENCRYPTION_KEYS="2:$(openssl rand -base64 32),1:…"   # the new key first; restart the servers
  manage.py rotate_secrets
  manage.py rotate_secrets --json"""

    def perform(self, **options: Any) -> command.Report:
        done = [reseal(actor=command.actor()) for reseal, _ in SEALED.values()]
        failed = [reason for one in done for reason in one.failed]
        newest = secrets.newest_version()
        left = {kind: count() for kind, (_, count) in SEALED.items()}
        rows: Counter[int] = Counter()
        for counted in left.values():
            rows.update(counted)
        needed = sorted(version for version in rows if version != newest)
        if failed or needed:
            raise command.Refused("\n".join([*failed, *_lines(left), *map(_still_needed, needed)]))
        droppable = sorted(version for version in settings.ENCRYPTION_KEYS if version != newest)
        signed = audit.entries_by_key()
        resealed = sum(one.resealed for one in done)
        texts = [f"{resealed} sealed anew.", *_lines(left)]
        texts += [_droppable(version, signed.get(version, 0)) for version in droppable]
        data = {"resealed": resealed, "newest": newest, "rows_by_version": dict(rows), "droppable": droppable}
        return command.Report(data=data, text="\n".join(texts))


def _lines(left: Mapping[str, dict[int, int]]) -> list[str]:
    return [
        f"encryption key {version}: {rows} {kind}"
        for kind, counted in left.items()
        for version, rows in sorted(counted.items())
    ]


def _still_needed(version: int) -> str:
    return f"Encryption key {version} is still needed: keep it in LLMP_ENCRYPTION_KEYS and run this again."


def _droppable(version: int, entries: int) -> str:
    text = f"Encryption key {version} may be dropped from LLMP_ENCRYPTION_KEYS."
    kept = (
        f" Keep it with your backups: {entries} audit entries are signed with it, and verify_audit needs it for them."
    )
    return text + kept if entries else text
