"""Kept answers of one process: looked up, written down, and never in the way."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

import structlog

from proxy.answers import kept, template
from proxy.answers.flights import Flights
from proxy.answers.kept import Kept
from proxy.answers.likeness.around import Around, Embed, Likenesses
from proxy.answers.likeness.likeness import Likeness
from proxy.answers.question import Question
from proxy.answers.stores import Store, StoreDown
from proxy.call import Caller, LikenessRules

_PATIENCE_SECONDS = 1.0  # a store that takes longer is slower than the upstream it is to spare

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Found:
    """A kept answer, opened, with the asker's own placeholders."""

    id: str
    raw: bytes
    age_seconds: float
    saved_nano_usd: int
    score: float | None = None  # where it is that of a like question: the cosine of the two


@dataclass(frozen=True, slots=True)
class Label:
    """What is known of an answer without opening it: what it can be purged by, and what asking for it cost."""

    model: str
    tag: str
    cost_nano_usd: int


class Cache:
    """What goes wrong here is a miss: it is logged, and the upstream is asked."""

    def __init__(self, store: Store, clock: Callable[[], float] = time.time, *, embed: Embed | None = None) -> None:
        self._store = store
        self.likenesses = Likenesses(store, embed)
        self._clock = clock
        self.flights = Flights()

    async def find(self, tenant_id: UUID, question: Question) -> Found | None:
        """The answer kept for this question, if there is one that this asker may have."""
        one = await self._got(tenant_id, question.key)
        return None if one is None else self._opened(one, question)

    async def look_around(self, tenant_id: UUID, question: Question, rules: LikenessRules) -> Around:
        """The answer kept for a like question, or why there is none."""
        return await self.likenesses.find(tenant_id, question, rules, self._clock())

    async def of_like(self, tenant_id: UUID, question: Question, around: Around) -> Found | None:
        """The answer that `look_around` found, with this asker's own placeholders."""
        one = await self._got(tenant_id, around.key) if around.key else None
        return None if one is None else self._opened(one, question, around.score)

    async def _got(self, tenant_id: UUID, key: bytes) -> Kept | None:
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                return await self._store.get(tenant_id, key, self._clock())
        except (StoreDown, TimeoutError) as error:
            log.warning("kept answers cannot be read", error=str(error) or type(error).__name__)
            return None

    def _opened(self, one: Kept, question: Question, score: float | None = None) -> Found | None:
        text = kept.opened(one.sealed, one.key_version, one.tenant_id, one.key)
        if text is None:
            return None
        try:
            raw = template.read(text, question.placeholders)
        except template.Unfit:
            return None
        return Found(one.id, raw, max(self._clock() - one.created_at, 0.0), one.cost_nano_usd, score)

    async def keep(
        self, caller: Caller, question: Question, raw: bytes, label: Label, likeness: Likeness | None = None
    ) -> None:
        """Write an answer down for as long as the caller's rules say, as far as that can be done."""
        rules, tenant_id = caller.cache, caller.tenant.id
        if rules is None:
            return
        try:
            text = template.written(raw, question.placeholders)
        except template.Unfit:
            return
        now = self._clock()
        version, sealed = kept.seal(text, tenant_id, question.key)
        beside = b"" if likeness is None else kept.seal(likeness.written(), tenant_id, question.rest + question.key)[1]
        entry = Kept(
            id=kept.new_id(),
            tenant_id=tenant_id,
            key=question.key,
            model=label.model,
            tag=label.tag,
            created_at=now,
            expires_at=now + rules.ttl_seconds,
            cost_nano_usd=label.cost_nano_usd,
            key_version=version,
            sealed=sealed,
            rest=question.rest if beside else b"",
            likeness=beside,
        )
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                await self._store.put(entry, rules.most_bytes)
        except (StoreDown, TimeoutError) as error:
            log.warning("an answer cannot be kept", error=str(error) or type(error).__name__)

    async def aclose(self) -> None:
        """Let go of the store."""
        await self._store.aclose()
