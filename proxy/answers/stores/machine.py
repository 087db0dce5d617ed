"""Answers that the web processes of one machine share, in a SQLite file of their own.

The file holds nothing that is worth keeping, so it is not flushed to the disk; one that is broken is begun anew.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

import structlog

from proxy.answers.kept import Kept, Neighbour, Usage
from proxy.answers.stores.store import GONE_SECONDS, Filter, StoreDown

_VERSION = 2  # of the tables: a file with other ones is emptied
_SCHEMA = """
    CREATE TABLE IF NOT EXISTS answer (
        tenant BLOB NOT NULL, key BLOB NOT NULL, id TEXT NOT NULL, model TEXT NOT NULL, tag TEXT NOT NULL,
        created_at REAL NOT NULL, expires_at REAL NOT NULL, used_at REAL NOT NULL, bytes INTEGER NOT NULL,
        cost INTEGER NOT NULL, key_version INTEGER NOT NULL, sealed BLOB NOT NULL, rest BLOB NOT NULL,
        likeness BLOB NOT NULL, PRIMARY KEY (tenant, key)
    );
    CREATE TABLE IF NOT EXISTS gone (tenant BLOB PRIMARY KEY, at REAL NOT NULL);
    CREATE INDEX IF NOT EXISTS answer_by_use ON answer (tenant, used_at, bytes);
    CREATE INDEX IF NOT EXISTS answer_by_age ON answer (expires_at);
    CREATE INDEX IF NOT EXISTS answer_by_rest ON answer (tenant, rest, created_at) WHERE rest != x'';
"""
_COLUMNS = "id, tenant, key, model, tag, created_at, expires_at, cost, key_version, sealed, rest, likeness"
_NEAR = """
    SELECT id, key, created_at, key_version, likeness FROM answer
    WHERE tenant = ? AND rest = ? AND rest != x'' AND expires_at > ? ORDER BY created_at DESC LIMIT ?
"""
_EVICT = """
    DELETE FROM answer WHERE rowid IN (
        SELECT rowid FROM (
            SELECT rowid, SUM(bytes) OVER (ORDER BY used_at DESC, rowid DESC) AS with_newer
            FROM answer WHERE tenant = ?
        ) WHERE with_newer > ?
    )
"""
_LOCK_SECONDS = 1.0
_USED_SECONDS = 60.0  # a use is noted that often: a hit is a read, not a write
_SWEPT = 100

_Found = TypeVar("_Found")
log = structlog.get_logger(__name__)


class MachineStore:
    """One thread does the work, in order; the event loop never waits for the file."""

    def __init__(self, path: Path, *, lock_seconds: float = _LOCK_SECONDS) -> None:
        self._path = path
        self._lock_seconds = lock_seconds
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="answers")
        self._connection: sqlite3.Connection | None = None

    async def get(self, tenant_id: UUID, key: bytes, now: float) -> Kept | None:
        """As `Store.get`."""
        return await self._run(lambda connection: _get(connection, tenant_id, key, now))

    async def put(self, kept: Kept, most_bytes: int) -> None:
        """As `Store.put`."""
        await self._run(lambda connection: _put(connection, kept, most_bytes))

    async def purge(self, tenant_id: UUID, which: Filter) -> int:
        """As `Store.purge`."""
        return await self._run(lambda connection: _purge(connection, tenant_id, which))

    async def near(self, tenant_id: UUID, rest: bytes, now: float, most: int) -> Sequence[Neighbour]:
        """As `Store.near`."""
        rows = await self._run(lambda one: one.execute(_NEAR, (tenant_id.bytes, rest, now, most)).fetchall())
        return [Neighbour(*row) for row in rows]

    async def end(self, tenant_id: UUID, now: float) -> int:
        """As `Store.end`."""
        return await self._run(lambda connection: _end(connection, tenant_id, now))

    async def usage(self, tenant_id: UUID, now: float) -> Usage:
        """As `Store.usage`."""
        return await self._run(lambda connection: _usage(connection, tenant_id, now))

    async def aclose(self) -> None:
        """As `Store.aclose`."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._close)
        self._thread.shutdown()

    async def _run(self, work: Callable[[sqlite3.Connection], _Found]) -> _Found:
        def run() -> _Found:
            try:
                return self._try(work)
            except sqlite3.DatabaseError as error:
                self._close()
                if isinstance(error, sqlite3.OperationalError):  # locked, or the disk is full
                    raise
                log.warning("the file of kept answers was broken and is begun anew", error=str(error))
                self._path.unlink(missing_ok=True)
                return self._try(work)

        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, run)
        except (sqlite3.Error, OSError) as error:
            raise StoreDown(str(error)) from error

    def _try(self, work: Callable[[sqlite3.Connection], _Found]) -> _Found:
        if self._connection is None:
            self._connection = self._connect()
        with self._connection:
            return work(self._connection)

    def _connect(self) -> sqlite3.Connection:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        connection = sqlite3.connect(self._path, timeout=self._lock_seconds)
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("PRAGMA secure_delete = ON")
        if connection.execute("PRAGMA user_version").fetchone()[0] != _VERSION:
            connection.executescript(f"BEGIN; DROP TABLE IF EXISTS answer; PRAGMA user_version = {_VERSION}; COMMIT")
        connection.executescript(_SCHEMA)
        return connection

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _get(connection: sqlite3.Connection, tenant_id: UUID, key: bytes, now: float) -> Kept | None:
    row: Sequence[Any] | None = connection.execute(
        f"SELECT {_COLUMNS}, used_at FROM answer WHERE tenant = ? AND key = ? AND expires_at > ?",  # noqa: S608
        (tenant_id.bytes, key, now),
    ).fetchone()
    if row is None:
        return None
    if now - row[-1] > _USED_SECONDS:
        connection.execute("UPDATE answer SET used_at = ? WHERE tenant = ? AND key = ?", (now, tenant_id.bytes, key))
    return Kept(row[0], UUID(bytes=row[1]), *row[2:-1])


def _put(connection: sqlite3.Connection, kept: Kept, most_bytes: int) -> None:
    tenant = kept.tenant_id.bytes
    if kept.bytes > most_bytes or connection.execute("SELECT 1 FROM gone WHERE tenant = ?", (tenant,)).fetchone():
        return
    connection.execute(
        f"INSERT OR REPLACE INTO answer ({_COLUMNS}, used_at, bytes) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?)",  # noqa: S608
        (
            *(kept.id, tenant, kept.key, kept.model, kept.tag, kept.created_at, kept.expires_at),
            *(kept.cost_nano_usd, kept.key_version, kept.sealed, kept.rest, kept.likeness),
            *(kept.created_at, kept.bytes),
        ),
    )
    connection.execute(
        "DELETE FROM answer WHERE rowid IN (SELECT rowid FROM answer WHERE expires_at <= ? LIMIT ?)",
        (kept.created_at, _SWEPT),
    )
    if _usage(connection, kept.tenant_id, 0).bytes > most_bytes:
        connection.execute(_EVICT, (tenant, most_bytes))


def _purge(connection: sqlite3.Connection, tenant_id: UUID, which: Filter) -> int:
    conditions = {"id": which.id, "model": which.model, "tag": which.tag}
    given = {column: value for column, value in conditions.items() if value}
    where = "".join(f" AND {column} = ?" for column in given)
    count = connection.execute(
        f"DELETE FROM answer WHERE tenant = ?{where}",  # noqa: S608 - our own column names
        (tenant_id.bytes, *given.values()),
    ).rowcount
    connection.commit()
    connection.execute("PRAGMA incremental_vacuum").fetchall()
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # what was forgotten must not live on in the log
    return count


def _end(connection: sqlite3.Connection, tenant_id: UUID, now: float) -> int:
    connection.execute("DELETE FROM gone WHERE at <= ?", (now - GONE_SECONDS,))
    connection.execute("INSERT OR REPLACE INTO gone (tenant, at) VALUES (?, ?)", (tenant_id.bytes, now))
    return _purge(connection, tenant_id, Filter())


def _usage(connection: sqlite3.Connection, tenant_id: UUID, now: float) -> Usage:
    entries, size = connection.execute(
        "SELECT COUNT(*), COALESCE(SUM(bytes), 0) FROM answer WHERE tenant = ? AND expires_at > ?",
        (tenant_id.bytes, now),
    ).fetchone()
    return Usage(entries, size)
