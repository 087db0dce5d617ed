"""Brings a journal into the database: the same code while its process lives and when it is dead.

The journal is the queue. A chunk is folded into rows, the rows are committed, and only then the place in the file
moves on; whoever starts again from the beginning of the file arrives at the same rows.
"""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from django.db import transaction

from proxy.ledger import journal, key_use, rows
from proxy.ledger.budgets import settling
from proxy.ledger.budgets.settling import Leased
from proxy.ledger.reader import Chunk, Reader
from proxy.ledger.rollups import keeping
from proxy.ledger.rows import Row

PROGRESS_SECONDS = 5.0
"""How old the counts of a call under way may be in the database. They are newer in its journal."""

Lines = dict[str, dict[str, Any]]
Told = Callable[[Sequence[Row]], None]


class Consumer:
    """Follows one journal. Every method may raise django.db.Error, and can then be called again.

    `leased` says what calls hold of leases, where the journal's process is this one.
    `beside` writes what else the calls that ended tell, in the same transaction. `on_closed` is told of them once
    that is committed; it must neither fail nor take time.
    """

    def __init__(
        self,
        directory: Path,
        name: str,
        *,
        leased: Leased | None = None,
        beside: Told | None = None,
        on_closed: Told | None = None,
    ) -> None:
        self._leased = leased
        self._beside = beside
        self._on_closed = on_closed
        self._reader = Reader(directory, name)
        self._progress: Lines = {}  # not yet in the database
        self._noted_at = time.monotonic()
        self._key_use = key_use.KeyUse()

    def step(self, *, is_dead: bool = False) -> int:
        """Commit the next lines; how many they were. 0: nothing is left at the moment."""
        while True:
            chunk = self._reader.read(is_dead=is_dead)
            if chunk.lines:
                self._commit(chunk)
                return len(chunk.lines)
            self._reader.advance(chunk)
            if chunk.bytes:
                continue
            is_done = self._reader.is_segment_done()
            self._note(is_due=is_done)
            if not is_done:
                return 0
            self._reader.next_segment()

    def drain(self, *, is_dead: bool = False) -> int:
        """Commit everything that is left; how many lines it was."""
        total = 0
        while count := self.step(is_dead=is_dead):
            total += count
        self._note(is_due=True)
        return total

    def _commit(self, chunk: Chunk) -> None:
        opened, closed, progress = _fold(chunk.lines, self._progress)
        with transaction.atomic():
            rows.insert_opened([row for id, row in opened.items() if id not in closed])
            with settling.counted(list(closed), self._leased), keeping.counted(closed.keys()):
                rows.write_closed(list(closed.values()))
            if self._beside is not None and closed:
                self._beside(list(closed.values()))
            used = self._key_use.write([*opened.values(), *closed.values()])
        self._key_use.keep(used)
        self._progress = progress
        self._reader.advance(chunk)
        if self._on_closed is not None and closed:
            self._on_closed(list(closed.values()))
        self._note(is_due=False)

    def _note(self, *, is_due: bool) -> None:
        if not self._progress or not (is_due or time.monotonic() - self._noted_at > PROGRESS_SECONDS):
            return
        with transaction.atomic():
            rows.note_progress(list(self._progress.values()))
        self._progress = {}
        self._noted_at = time.monotonic()


def _fold(lines: list[dict[str, Any]], before: Lines) -> tuple[Lines, Lines, Lines]:
    """Calls opened, calls closed, and the latest counts of those that are not closed; each by id."""
    opened: Lines = {}
    closed: Lines = {}
    progress = dict(before)
    for line in lines:
        kind, id = line.get("kind"), line["id"]
        if kind == journal.OPEN:
            opened[id] = line
        elif kind == journal.PROGRESS:
            progress[id] = line
        elif kind == journal.CLOSE:
            closed[id] = line
            progress.pop(id, None)
    return opened, closed, progress
