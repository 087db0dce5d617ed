"""Reads one journal from its first segment to its last, and deletes the segments that are done with."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import structlog

from proxy.ledger import journal

CHUNK_BYTES = 256 * 1024
"""What is read, and written to the database, at once: some two hundred calls."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some lines of the journal and where the next ones begin. Without bytes: no more in this segment yet."""

    lines: list[dict[str, Any]]
    bytes: int
    end: int


class Reader:
    """A place in a journal. It moves only when told to: what is read twice is the same."""

    def __init__(self, directory: Path, name: str) -> None:
        self._directory = directory
        self._name = name
        self._segment: Path | None = None
        self._offset = 0

    def read(self, *, is_dead: bool = False) -> Chunk:
        """The next whole lines; with `is_dead` also an unfinished last one."""
        if self._segment is None and not self._find_segment():
            return Chunk([], 0, 0)
        raw = self._bytes(CHUNK_BYTES)
        end = raw.rfind(b"\n") + 1
        if not end and len(raw) == CHUNK_BYTES:  # a line of this length is not ours
            end = len(raw)
        if is_dead and len(raw) < CHUNK_BYTES:
            end = len(raw)
        lines = [line for text in raw[:end].split(b"\n") if (line := _parse(text))]
        return Chunk(lines, end, self._offset + end)

    def advance(self, chunk: Chunk) -> None:
        """Go on behind a chunk."""
        self._offset = chunk.end

    def is_segment_done(self) -> bool:
        """Whether a later segment exists, so that nothing is added to this one any more, and all of it is read."""
        later = [path for path in journal.segments(self._directory, self._name) if path != self._segment]
        return self._segment is not None and bool(later) and not self._bytes(1)

    def next_segment(self) -> None:
        """Delete the segment that is done."""
        if self._segment is not None:
            self._segment.unlink(missing_ok=True)
        self._segment, self._offset = None, 0

    def _find_segment(self) -> bool:
        found = journal.segments(self._directory, self._name)
        self._segment, self._offset = (found[0] if found else None), 0
        return bool(found)

    def _bytes(self, most: int) -> bytes:
        assert self._segment is not None
        with self._segment.open("rb") as file:
            file.seek(self._offset)
            return file.read(most)


def _parse(text: bytes) -> dict[str, Any] | None:
    if not text:
        return None
    try:
        line = orjson.loads(text)
    except orjson.JSONDecodeError:
        line = None
    if isinstance(line, dict) and isinstance(line.get("id"), str):
        return line
    # The process was killed or its disk was full in the middle of it. A whole one follows, or the call is interrupted.
    log.warning("skipped a torn line of a usage journal", bytes=len(text))
    return None
