"""Like questions that were answered: looked for in a time that a request can spare, and never in the way."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

import structlog

from proxy.answers import kept
from proxy.answers.kept import Neighbour
from proxy.answers.likeness import likeness
from proxy.answers.likeness.likeness import Likeness, Vector
from proxy.answers.question import Question
from proxy.answers.stores import Store, StoreDown
from proxy.call import LikenessRules

MOST_COMPARED = 200
"""Of the answers to questions that share the rest, the newest."""
_PATIENCE_SECONDS = 0.5  # what takes longer is a miss; the next one finds the model warm
_MOST_UNDER_WAY = 16  # texts at the model, those included that nobody waits for any more
_PLACEHOLDER = re.compile(r"\[([A-Z][A-Z0-9_]*?)_[0-9A-HJKMNP-TV-Z]{8,32}\]")

Embed = Callable[[str], Awaitable[Vector]]
"""A text's vector, of length 1; never computed on the event loop. Raises EmbeddingDown."""

log = structlog.get_logger(__name__)


class EmbeddingDown(Exception):
    """There are no vectors now."""


@dataclass(frozen=True, slots=True)
class Around:
    """What was found around a question. `likeness` is what its own answer is kept with."""

    likeness: Likeness | None = None
    key: bytes = b""  # of the answer to be given; b"": none asks the same
    score: float | None = None  # of the likest
    compared: int = 0
    why_not: str = ""


class Likenesses:
    """Compares questions of one tenant that differ in their last text. `embed` None: compares nothing."""

    def __init__(self, store: Store, embed: Embed | None) -> None:
        self._store = store
        self._embed = embed
        self._under_way: set[asyncio.Future[Vector]] = set()
        self.is_warm = embed is None

    def warm(self) -> None:
        """Have the model opened, which takes longer than a request waits."""
        if self._embed is not None and not self.is_warm:
            self._begun(self._embed, "warm")

    async def find(self, tenant_id: UUID, question: Question, rules: LikenessRules, now: float) -> Around:
        """The answer to the likest question that asks the same, or why there is none."""
        if not question.rest:
            return Around(why_not="no short text at the end")
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                vector = await self._vector(question.text)
                if vector is None:
                    return Around(why_not="busy")
                asked = Likeness(question.text, vector)
                rows = await self._store.near(tenant_id, question.rest, now, MOST_COMPARED)
                fresh = [row for row in rows if now - row.created_at < rules.ttl_seconds]
                return await asyncio.to_thread(_compare, tenant_id, question, asked, fresh, rules.threshold)
        except (StoreDown, EmbeddingDown, TimeoutError) as error:
            log.warning("like questions cannot be looked for", error=str(error) or type(error).__name__)
            return Around(why_not="too late" if isinstance(error, TimeoutError) else "unavailable")

    async def _vector(self, text: str) -> Vector | None:
        """None where too many are at the model already."""
        if self._embed is None or len(self._under_way) >= _MOST_UNDER_WAY:
            return None
        # Placeholders mean nothing to the model; what they stand for does.
        return await asyncio.shield(self._begun(self._embed, _PLACEHOLDER.sub(lambda found: found[1].lower(), text)))

    def _begun(self, embed: Embed, text: str) -> asyncio.Future[Vector]:
        self.is_warm = True
        one = asyncio.ensure_future(embed(text))
        self._under_way.add(one)
        one.add_done_callback(self._done)
        return one

    def _done(self, one: asyncio.Future[Vector]) -> None:
        self._under_way.discard(one)
        if not one.cancelled():
            one.exception()  # somebody may have stopped waiting for it


def _compare(
    tenant_id: UUID, question: Question, asked: Likeness, rows: Sequence[Neighbour], threshold: float
) -> Around:
    known: list[tuple[Neighbour, Likeness]] = []
    for row in rows:
        raw = kept.opened(row.likeness, row.key_version, tenant_id, question.rest + row.key)
        if raw is not None:
            known.append((row, likeness.read(raw)))
    found = likeness.nearest(asked, [one for _row, one in known], threshold)
    if found is None:
        return Around(asked, compared=len(known), why_not="nothing like it")
    key = b"" if found.difference else known[found.place][0].key
    return Around(asked, key, round(found.score, 3), len(known), found.difference)
