"""Seal every stored credential with the newest encryption key."""

from typing import Any

from django.conf import settings

from tenants import actions, audit, queries, secrets
from tenants.management import command


class Command(command.TenantCommand):
    help = (
        "Seal every upstream credential with the newest of LLMP_ENCRYPTION_KEYS, while the servers run. It may be "
        "stopped and started again. An old key may be dropped once this says so."
    )
    examples = """\
  export LLMP_ENCRYPTION_KEYS="2:$(openssl rand -base64 32),1:…"   # the new key first; restart the servers
  manage.py rotate_secrets
  manage.py rotate_secrets --json"""

    def perform(self, **options: Any) -> command.Report:
        done = actions.reseal_credentials(actor=command.actor())
        newest = secrets.newest_version()
        left = queries.credentials_by_version()
        needed = sorted(version for version in left if version != newest)
        if done.failed or needed:
            raise command.Refused("\n".join([*done.failed, *_lines(left), *map(_still_needed, needed)]))
        droppable = sorted(version for version in settings.ENCRYPTION_KEYS if version != newest)
        signed = audit.entries_by_key()
        texts = [f"{done.resealed} sealed anew.", *_lines(left)]
        texts += [_droppable(version, signed.get(version, 0)) for version in droppable]
        data = {"resealed": done.resealed, "newest": newest, "rows_by_version": left, "droppable": droppable}
        return command.Report(data=data, text="\n".join(texts))


def _lines(left: dict[int, int]) -> list[str]:
    return [f"encryption key {version}: {rows} credentials" for version, rows in sorted(left.items())]


def _still_needed(version: int) -> str:
    return f"Encryption key {version} is still needed: keep it in LLMP_ENCRYPTION_KEYS and run this again."


def _droppable(version: int, entries: int) -> str:
    text = f"Encryption key {version} may be dropped from LLMP_ENCRYPTION_KEYS."
    kept = (
        f" Keep it with your backups: {entries} audit entries are signed with it, and verify_audit needs it for them."
    )
    return text + kept if entries else text
