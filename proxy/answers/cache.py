"""Kept answers of one process: looked up, written down, and never in the way."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from proxy.answers import kept, template
from proxy.answers.flights import Flights
from proxy.answers.kept import Kept
from proxy.answers.question import Question
from proxy.answers.stores import Store, StoreDown
from proxy.call import TenantRules

_PATIENCE_SECONDS = 1.0  # a store that takes longer is slower than the upstream it is to spare

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Found:
    """A kept answer, opened, with the asker's own placeholders."""

    id: str
    raw: bytes
    age_seconds: float
    saved_nano_usd: int


@dataclass(frozen=True, slots=True)
class Label:
    """What is known of an answer without opening it: what it can be purged by, and what asking for it cost."""

    model: str
    tag: str
    cost_nano_usd: int


class Cache:
    """What goes wrong here is a miss: it is logged, and the upstream is asked."""

    def __init__(self, store: Store, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._clock = clock
        self.flights = Flights()

    async def find(self, tenant: TenantRules, question: Question) -> Found | None:
        """The answer kept for this question, if there is one that this asker may have."""
        now = self._clock()
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                one = await self._store.get(tenant.id, question.key, now)
        except (StoreDown, TimeoutError) as error:
            log.warning("kept answers cannot be read", error=str(error) or type(error).__name__)
            return None
        text = None if one is None else kept.opened(one.sealed, one.key_version, tenant.id, question.key)
        if one is None or text is None:
            return None
        try:
            raw = template.read(text, question.placeholders)
        except template.Unfit:
            return None
        return Found(one.id, raw, max(now - one.created_at, 0.0), one.cost_nano_usd)

    async def keep(self, tenant: TenantRules, question: Question, raw: bytes, label: Label) -> None:
        """Write an answer down for as long as the tenant's rules say, as far as that can be done."""
        rules = tenant.cache
        if rules is None:
            return
        try:
            text = template.written(raw, question.placeholders)
        except template.Unfit:
            return
        now = self._clock()
        version, sealed = kept.seal(text, tenant.id, question.key)
        entry = Kept(
            id=kept.new_id(),
            tenant_id=tenant.id,
            key=question.key,
            model=label.model,
            tag=label.tag,
            created_at=now,
            expires_at=now + rules.ttl_seconds,
            cost_nano_usd=label.cost_nano_usd,
            key_version=version,
            sealed=sealed,
        )
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                await self._store.put(entry, rules.most_bytes)
        except (StoreDown, TimeoutError) as error:
            log.warning("an answer cannot be kept", error=str(error) or type(error).__name__)

    async def aclose(self) -> None:
        """Let go of the store."""
        await self._store.aclose()
