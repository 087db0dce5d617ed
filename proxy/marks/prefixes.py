"""Which beginnings of prompts came by lately, by keyed hashes: one process remembers for itself."""

import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass

LIFE_SECONDS = 270.0
"""Anthropic keeps a marked prefix for five minutes after its last use; somewhat less, so that it is still there."""
_MOST = 50_000


@dataclass(frozen=True, slots=True)
class Seen:
    """When a prefix was sent last, and whether it was marked then: only what was marked can be read."""

    at: float
    is_written: bool


class Prefixes:
    """Forgets what was not sent for longest."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._seen: OrderedDict[bytes, Seen] = OrderedDict()

    def find(self, digest: bytes) -> Seen | None:
        """The last time that this prefix was sent, if that is not too long ago."""
        seen = self._seen.get(digest)
        return seen if seen is not None and self._clock() - seen.at < LIFE_SECONDS else None

    def note(self, digests: Iterable[bytes], written: Iterable[bytes]) -> None:
        """These prefixes are sent now; the written ones marked."""
        marked = set(written)
        for digest in digests:
            before = self.find(digest)
            self._seen.pop(digest, None)
            is_written = digest in marked or (before is not None and before.is_written)
            self._seen[digest] = Seen(self._clock(), is_written)
        while len(self._seen) > _MOST:
            self._seen.popitem(last=False)
