"""The journal of one web process: append-only files that outlive it, and the lock that says whether it lives.

    <directory>/<host>-<pid>-<random>.lock          held with flock for the life of the process
    <directory>/<host>-<pid>-<random>.000001.jsonl  segments; deleted when they are in the database

A line is in the kernel's hands when `append` returns, so `kill -9` cannot take it back; with `fsync` neither can a
power cut. What a line says is decided in `record`, and read again in `consumer`.
"""

import contextlib
import fcntl
import os
import re
import secrets
import socket
import threading
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson

OPEN, PROGRESS, CLOSE = "open", "progress", "close"
SEGMENT_BYTES = 16 * 1024 * 1024


class JournalClosed(OSError):
    """The process is ending: no call may start any more."""


class Journal:
    """The writing side. A line is one JSON object with `kind` and the call's `id`."""

    def __init__(self, directory: Path, name: str, lock: int, *, fsync: bool, segment_bytes: int) -> None:
        self.directory = directory
        self.name = name
        self._lock = lock
        self._fsync = fsync
        self._segment_bytes = segment_bytes
        self._guard = threading.Lock()
        self._under_way: set[str] = set()
        self._owed: deque[bytes] = deque()
        self._is_torn = False
        self.is_closed = False
        self.is_ending = False  # calls that end unasked from here on are not their clients' doing
        self._number = 0
        self._size = 0
        self._file = -1
        self._turn()

    @classmethod
    def open(cls, directory: Path, *, fsync: bool = False, segment_bytes: int = SEGMENT_BYTES) -> "Journal":
        """A new journal of this process. Raises OSError."""
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        host = re.sub(r"[^A-Za-z0-9-]", "-", socket.gethostname())[:32] or "host"
        while True:
            name = f"{host}-{os.getpid()}-{secrets.token_hex(4)}"
            lock = _lock(directory / f"{name}.lock", os.O_CREAT | os.O_EXCL)
            if lock is not None:  # else a recovery was faster than we and took it for a dead one
                return cls(directory, name, lock, fsync=fsync, segment_bytes=segment_bytes)

    @property
    def is_idle(self) -> bool:
        """Whether every call that was opened is closed, and every line written."""
        return not self._under_way and not self._owed

    def append(self, kind: str, row: Mapping[str, Any]) -> None:
        """Write one line. Raises OSError where the disk does not take it."""
        line = orjson.dumps({"kind": kind, **row}, option=orjson.OPT_APPEND_NEWLINE)
        with self._guard:
            if self.is_closed:
                raise JournalClosed("the journal is closed")
            self._pay()
            self._write(line)
            if kind == OPEN:
                self._under_way.add(row["id"])

    def close_call(self, row: Mapping[str, Any]) -> None:
        """Write the last line of a call; one that the disk does not take waits in memory for `pay`."""
        line = orjson.dumps({"kind": CLOSE, **row}, option=orjson.OPT_APPEND_NEWLINE)
        with self._guard:
            self._under_way.discard(row["id"])
            self._owed.append(line)
            with contextlib.suppress(OSError):
                self._pay()

    def pay(self) -> None:
        """Write the lines that wait. Raises OSError."""
        if self._owed:
            with self._guard:
                self._pay()

    def discard(self) -> None:
        """Remove all of it: what it held is in the database. No line can be written afterwards."""
        with self._guard:
            self.is_closed = True
            os.close(self._file)
            remove(self.directory, self.name)
            os.close(self._lock)

    def leave(self) -> None:
        """Give it up as it is, for a recovery to find."""
        with self._guard:
            self.is_closed = True
            os.close(self._file)
            os.close(self._lock)

    def _pay(self) -> None:
        while self._owed and not self.is_closed:
            self._write(self._owed[0])
            self._owed.popleft()

    def _write(self, line: bytes) -> None:
        if self._is_torn:  # an earlier line was cut by a full disk: do not continue it
            line = b"\n" + line
        if self._size >= self._segment_bytes:
            self._turn()
        written = os.write(self._file, line)
        self._size += written
        self._is_torn = written < len(line)
        if self._is_torn:
            raise OSError("the disk did not take the whole line")
        if self._fsync:
            os.fsync(self._file)

    def _turn(self) -> None:
        path = self.directory / f"{self.name}.{self._number + 1:06}.jsonl"
        fresh = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        if self._fsync:
            _sync_directory(self.directory)
        if self._file >= 0:
            os.close(self._file)
        self._file, self._size, self._number = fresh, 0, self._number + 1


def segments(directory: Path, name: str) -> list[Path]:
    """The files of a journal, the oldest first."""
    return sorted(directory.glob(f"{name}.*.jsonl"))


def remove(directory: Path, name: str) -> None:
    """Delete a journal; its lock last, so that no segment is ever without one."""
    for path in segments(directory, name):
        path.unlink(missing_ok=True)
    (directory / f"{name}.lock").unlink(missing_ok=True)


def names(directory: Path) -> list[str]:
    """The journals in a directory."""
    return sorted(path.stem for path in directory.glob("*.lock"))


@contextmanager
def claimed(directory: Path, name: str) -> Iterator[bool]:
    """Whether the journal's process is dead and the journal ours until the block ends."""
    lock = _lock(directory / f"{name}.lock", 0)
    try:
        yield lock is not None
    finally:
        if lock is not None:
            os.close(lock)


def _sync_directory(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _lock(path: Path, flags: int) -> int | None:
    """The file, locked and still of this name; None where another process has or had it."""
    try:
        lock = os.open(path, os.O_RDWR | os.O_CLOEXEC | flags, 0o600)
    except (FileNotFoundError, FileExistsError):
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if path.exists() and os.path.samestat(os.fstat(lock), path.stat()):
            return lock
    except (BlockingIOError, FileNotFoundError):
        pass
    os.close(lock)
    return None
