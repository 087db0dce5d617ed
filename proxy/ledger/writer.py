"""Writes a living process's journal into the database, in a thread of its own, off the way of any request."""

import threading
import time

import structlog
from django.db import DatabaseError, InterfaceError, connection

from proxy.ledger.budgets import settling
from proxy.ledger.budgets.settling import Leased
from proxy.ledger.consumer import Consumer, Told
from proxy.ledger.journal import Journal

PAUSE_SECONDS = 0.2
_MOST_PAUSE_SECONDS = 5.0
_FULL_BATCH = 200

log = structlog.get_logger(__name__)


class Writer:
    """While the database is away the journal grows, and nothing else does: it is the queue."""

    def __init__(
        self,
        journal: Journal,
        *,
        pause_seconds: float = PAUSE_SECONDS,
        leased: Leased | None = None,
        beside: Told | None = None,
        on_closed: Told | None = None,
    ) -> None:
        self._journal = journal
        self._pause_seconds = pause_seconds
        self._leased = leased
        self._consumer = Consumer(journal.directory, journal.name, leased=leased, beside=beside, on_closed=on_closed)
        self._stopping = threading.Event()
        self._is_drained = False
        self._failing_since: float | None = None
        self._thread = threading.Thread(target=self._run, name="ledger", daemon=True)

    @property
    def is_alive(self) -> bool:
        """Whether it still writes; without it records wait in the journal for the next start."""
        return self._thread.is_alive()

    def start(self) -> None:
        """Begin to follow the journal."""
        self._thread.start()

    def stop(self, timeout_seconds: float = 10.0) -> None:
        """Write what is left, and remove the journal when that is everything; else leave it to a recovery."""
        self._stopping.set()
        self._thread.join(timeout_seconds)
        if self._is_drained and self._journal.is_idle:
            self._journal.discard()
        else:
            self._journal.leave()

    def _run(self) -> None:
        pause = self._pause_seconds
        while not self._is_drained:
            is_last = self._stopping.is_set()  # asked before reading: what was written by then is read
            try:
                count = self._write(is_last)
            except (DatabaseError, InterfaceError, OSError) as error:
                self._failed(error)
                if is_last:
                    break
                self._stopping.wait(pause)
                pause = min(pause * 2, _MOST_PAUSE_SECONDS)
                continue
            self._succeeded()
            pause = self._pause_seconds
            if count < _FULL_BATCH and not is_last:
                self._stopping.wait(pause)
        connection.close()

    def _write(self, is_last: bool) -> int:
        connection.close_if_unusable_or_obsolete()
        self._journal.pay()
        if not is_last:
            return self._consumer.step()
        count = self._consumer.drain()
        if self._leased is not None and self._journal.is_idle:
            settling.release(self._journal.name)
        self._is_drained = True
        return count

    def _failed(self, error: Exception) -> None:
        connection.close()
        if self._failing_since is None:
            self._failing_since = time.monotonic()
            log.error("usage records wait in the journal", error=f"{type(error).__name__}: {error}")

    def _succeeded(self) -> None:
        if self._failing_since is not None:
            seconds = round(time.monotonic() - self._failing_since, 1)
            log.warning("usage records are written again", waited_seconds=seconds)
            self._failing_since = None
