"""The check of this installation: what is looked at, in which order."""

from collections.abc import Iterator
from pathlib import Path

from django.conf import settings
from django.db import DatabaseError, connection
from django.utils import timezone

from proxy.doctor import configuration, database, machine, sealed, services, upstreams, worker
from proxy.doctor.finding import Finding, fail, warn


def check() -> Iterator[Finding]:
    """Every finding, as it is made."""
    config, now = settings.CONFIG, timezone.now()
    yield from configuration.check(config)
    yield from machine.check(config, static_root=Path(settings.STATIC_ROOT), today=now.date())
    yield from services.check(config)
    reachable = database.is_reachable(connection)
    yield reachable
    if reachable.level == "fail":
        yield warn("database checks", "migrations, worker, keys and upstreams were not looked at", "Mend the database.")
        return
    yield from database.check(connection, is_production=config.is_production)
    try:
        yield worker.check(at=now)
        yield from sealed.check(peppers=settings.KEY_PEPPERS, encryption_keys=settings.ENCRYPTION_KEYS)
        yield from upstreams.check()
    except DatabaseError as broken:
        yield fail("tables", str(broken).strip(), "Run `manage.py migrate`.")
