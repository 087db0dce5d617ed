"""Buckets that the web processes of one machine share, in a small SQLite file of their own.

The file holds nothing that is worth keeping: it is never flushed to the disk. The clock is the machine's monotonic
one, which its processes share and nobody sets.
"""

import asyncio
import contextlib
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import structlog

from proxy.ledger.buckets.demand import (
    PLACE_SECONDS,
    WINDOW_SECONDS,
    Demand,
    StoreDown,
    Taken,
    refilled,
    wait_for,
)

_SCHEMA = """
    CREATE TABLE IF NOT EXISTS bucket (name TEXT PRIMARY KEY, level REAL NOT NULL, at REAL NOT NULL) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS place (owner TEXT, id TEXT, until REAL NOT NULL, PRIMARY KEY (owner, id)) WITHOUT ROWID;
"""
_LEVEL = "SELECT level, at FROM bucket WHERE name = ?"
_SET_LEVEL = (
    "INSERT INTO bucket VALUES (?, ?, ?) ON CONFLICT (name) DO UPDATE SET level = excluded.level, at = excluded.at"
)
_RUNNING = "SELECT COUNT(*) FROM place WHERE owner = ? AND until > ?"
_LOCK_SECONDS = 1.0

log = structlog.get_logger(__name__)


class MachineBuckets:
    """One thread does the work, in order; the event loop never waits for the file."""

    def __init__(self, path: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._path = path
        self._clock = clock
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="buckets")
        self._connection: sqlite3.Connection | None = None
        self._held: dict[str, Demand] = {}  # this process's calls with places
        self.processes = 1  # not known: while the file cannot be written, each process goes by the whole limit

    async def take(self, demand: Demand) -> Taken:
        """As `Buckets.take`."""
        work = asyncio.get_running_loop().run_in_executor(self._thread, self._take, demand)
        try:
            taken = await asyncio.shield(work)
        except asyncio.CancelledError:
            work.add_done_callback(lambda done: self._return(demand, done))
            raise
        except sqlite3.Error as error:
            raise StoreDown(str(error)) from error
        if taken.is_given and demand.places:
            self._held[demand.id] = demand
        return taken

    def give(self, demand: Demand, amounts: Sequence[float], *, is_over: bool) -> None:
        """As `Buckets.give`."""
        if is_over:
            self._held.pop(demand.id, None)
        self._thread.submit(self._give_or_log, demand, amounts, is_over)

    async def keep_places(self) -> None:
        """Say that this process's calls are still under way, and drop what nobody keeps. Raises StoreDown."""
        held = list(self._held.values())
        try:
            await asyncio.get_running_loop().run_in_executor(self._thread, self._keep, held)
        except sqlite3.Error as error:
            raise StoreDown(str(error)) from error

    async def aclose(self) -> None:
        """Finish what was given back, and close the file."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._close)
        self._thread.shutdown()

    def _return(self, demand: Demand, done: "asyncio.Future[Taken]") -> None:
        """The call went away while it was waiting: what it was given is not its own any more."""
        if not done.cancelled() and done.exception() is None and done.result().is_given:
            self.give(demand, [want.need for want in demand.wants], is_over=True)

    def _take(self, demand: Demand) -> Taken:
        with self._writing() as connection:
            at = self._clock()
            levels = [_level(connection, want.bucket, want.limit, at) for want in demand.wants]
            waits = [wait_for(want, level) for want, level in zip(demand.wants, levels, strict=True)]
            running = [connection.execute(_RUNNING, (place.owner, at)).fetchone()[0] for place in demand.places]
            is_free = all(taken < place.limit for place, taken in zip(demand.places, running, strict=True))
            is_given = is_free and not any(waits)
            if is_given:
                levels = [level - want.need for want, level in zip(demand.wants, levels, strict=True)]
                pairs = zip(demand.wants, levels, strict=True)
                connection.executemany(_SET_LEVEL, [(want.bucket, level, at) for want, level in pairs])
                self._keep_in(connection, [demand], at)
        return Taken(demand, is_given, levels, waits, running, self)

    def _give(self, demand: Demand, amounts: Sequence[float], is_over: bool) -> None:
        with self._writing() as connection:
            at = self._clock()
            for want, amount in zip(demand.wants, amounts, strict=True):
                if amount:
                    level = _level(connection, want.bucket, want.limit, at) + amount
                    connection.execute(_SET_LEVEL, (want.bucket, min(level, want.limit), at))
            if is_over:
                places = [(place.owner, demand.id) for place in demand.places]
                connection.executemany("DELETE FROM place WHERE owner = ? AND id = ?", places)

    def _keep(self, held: Sequence[Demand]) -> None:
        with self._writing() as connection:
            at = self._clock()
            self._keep_in(connection, held, at)
            connection.execute("DELETE FROM place WHERE until <= ?", (at,))
            connection.execute("DELETE FROM bucket WHERE level >= 0 AND at < ?", (at - WINDOW_SECONDS,))

    def _keep_in(self, connection: sqlite3.Connection, held: Sequence[Demand], at: float) -> None:
        rows = [(place.owner, demand.id, at + PLACE_SECONDS) for demand in held for place in demand.places]
        connection.executemany("INSERT OR REPLACE INTO place VALUES (?, ?, ?)", rows)

    @contextlib.contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """The file, for this process alone: whoever reads a level is the one to change it."""
        if self._connection is None:
            self._connection = self._connect()
        connection = self._connection
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield connection
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")

    def _connect(self) -> sqlite3.Connection:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        connection = sqlite3.connect(self._path, timeout=_LOCK_SECONDS, isolation_level=None)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = OFF")
        connection.executescript(_SCHEMA)
        return connection

    def _give_or_log(self, demand: Demand, amounts: Sequence[float], is_over: bool) -> None:
        try:
            self._give(demand, amounts, is_over)
        except sqlite3.Error as error:
            log.warning("rate limits could not be corrected", error=str(error))

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()


def _level(connection: sqlite3.Connection, bucket: str, limit: int, at: float) -> float:
    row: tuple[float, float] | None = connection.execute(_LEVEL, (bucket,)).fetchone()
    return float(limit) if row is None else refilled(row[0], row[1], limit, at)
