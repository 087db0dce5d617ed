"""What this machine offers: disk, Python, the files that were not yet moved on."""

import shutil
import sys
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path

from proxy.config import Config
from proxy.doctor.finding import Finding, fail, ok, warn

_MIB = 1024 * 1024
_LOW_BYTES, _EMPTY_BYTES = 2048 * _MIB, 256 * _MIB
_BACKLOG_BYTES, _BACKLOG_SECONDS = 64 * _MIB, 600
# End of security fixes: https://devguide.python.org/versions/
_PYTHON_ENDS = {
    (3, 11): date(2027, 10, 31),
    (3, 12): date(2028, 10, 31),
    (3, 13): date(2029, 10, 31),
    (3, 14): date(2030, 10, 31),
}


def check(config: Config, *, static_root: Path, today: date) -> Iterator[Finding]:
    """Every finding about this machine."""
    yield python_version(sys.version_info[:2], today)
    yield disk(config.data_dir, shutil.disk_usage(config.data_dir).free)
    yield journal(config.data_dir / "journal", time.time())
    if config.is_production:
        yield static_files(static_root)


def python_version(version: tuple[int, int], today: date) -> Finding:
    """Whether this Python is still given security fixes."""
    words = f"Python {version[0]}.{version[1]}"
    ends = _PYTHON_ENDS.get(version)
    if ends is not None and today > ends:
        return warn("python", f"{words} has had no security fixes since {ends}", "Install a newer Python.")
    return ok("python", words + (f", fixed until {ends}" if ends else ""))


def disk(folder: Path, free_bytes: int) -> Finding:
    """Whether usage can still be written."""
    found = f"{free_bytes // _MIB} MiB free for {folder}"
    remedy = "Make room, or move LLMP_DATA_DIR: calls are refused when their usage cannot be written."
    if free_bytes < _EMPTY_BYTES:
        return fail("disk", found, remedy)
    return warn("disk", found, remedy) if free_bytes < _LOW_BYTES else ok("disk", found)


def journal(folder: Path, now: float) -> Finding:
    """Whether the usage journals reach the database: segments are deleted when they are in it."""
    try:
        files = [path.stat() for path in folder.glob("*.jsonl")]
    except FileNotFoundError:  # one was moved on between being listed and looked at
        files = []
    waiting = sum(file.st_size for file in files)
    # A running process keeps its newest segment, so only one that nobody writes to any more is late.
    stale = [file for file in files if file.st_size and now - file.st_mtime > _BACKLOG_SECONDS]
    found = f"{len(files)} segments, {waiting / _MIB:.1f} MiB, in {folder}"
    if waiting > _BACKLOG_BYTES or len(stale) > 20:
        remedy = "The database takes usage too slowly or not at all; look at the server's log. Delete nothing."
        return fail("usage journal", found, remedy)
    return ok("usage journal", found)


def static_files(root: Path) -> Finding:
    """Whether people's pages will have their styles."""
    if (root / "admin" / "css" / "base.css").exists():
        return ok("static files", f"collected in {root}")
    return fail("static files", f"none in {root}: pages would be without style", "Run `manage.py collectstatic`.")
