"""Looks at what the ledger of this process has settled, in a thread of its own: once a second, never in its way."""

import re
import threading
import time
from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

import structlog
from django.db import DatabaseError, InterfaceError, connection
from django.utils import timezone

from proxy.alerts import budgets, platform

LOOK_SECONDS = 1.0
_STORE_SECONDS = 15.0
_MOST_OWNERS = 20_000
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

log = structlog.get_logger(__name__)


class Watch:
    """`note` is told of the calls that ended; what it misses, the worker finds within a minute."""

    def __init__(self, redis_url: str = "", *, look_seconds: float = LOOK_SECONDS) -> None:
        self._redis_url = redis_url
        self._look_seconds = look_seconds
        self._lock = threading.Lock()
        self._owners: set[str] = set()
        self._refused: set[str] = set()
        self._store_at = time.monotonic() + _STORE_SECONDS
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="alerts", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self, timeout_seconds: float = 5.0) -> None:
        """Look a last time, and end."""
        self._stopping.set()
        self._thread.join(timeout_seconds)

    def note(self, closed: Iterable[Mapping[str, Any]]) -> None:
        """Remember whose calls ended, and whose budget refused one: a few set insertions."""
        with self._lock:
            for line in closed:
                tenant_id = line.get("tenant_id", "")
                if line.get("error_type") == "billing_error":
                    self._refused.add(tenant_id)
                if len(self._owners) < _MOST_OWNERS:
                    self._owners |= {tenant_id, line.get("key_id", "")}

    def look(self) -> None:
        """Raise what there is to raise. Raises django.db.Error, and can then be called again."""
        with self._lock:
            owners, refused = self._owners, self._refused
            self._owners, self._refused = set(), set()
        try:
            if owners:
                budgets.look(_ids(owners), timezone.now())
            if refused:
                budgets.look_at_refusals(timezone.now(), _ids(refused))
        except (DatabaseError, InterfaceError):
            with self._lock:
                self._owners |= owners
                self._refused |= refused
            raise
        if self._redis_url and time.monotonic() >= self._store_at:
            self._store_at = time.monotonic() + _STORE_SECONDS
            platform.look_at_store(self._redis_url, timezone.now(), may_end=False)

    def _run(self) -> None:
        is_last = False
        while not is_last:
            is_last = self._stopping.wait(self._look_seconds)
            try:
                connection.close_if_unusable_or_obsolete()
                self.look()
            except (DatabaseError, InterfaceError) as error:
                connection.close()
                log.warning("alerts are late: the database is away", error=type(error).__name__)
        connection.close()


def _ids(texts: set[str]) -> list[UUID]:
    return [UUID(text) for text in texts if _UUID.fullmatch(text)]
