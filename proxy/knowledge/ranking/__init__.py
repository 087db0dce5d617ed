"""The order of what a search found, looked at a second time: by nobody, by the built-in model, or by a server."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol, cast
from uuid import UUID

import structlog
from django.utils.module_loading import import_string

from proxy.call import Privacy
from proxy.knowledge import scrubbing
from proxy.knowledge.passages import Passage
from proxy.knowledge.scrubbing import Blocked, ScrubbingDown
from tenants.models.collections import BUILT_IN, NO_RANKING

# By name: the runtime of a model is loaded where it is first used.
_BUILT_IN = "proxy.knowledge.ranking.tokens.Tokens"
_SERVER = "proxy.knowledge.ranking.server.Server"

log = structlog.get_logger(__name__)


class RankingDown(Exception):
    """No order is to be had now. The message says why."""


class Ranker(Protocol):
    """What says how well a passage answers a question."""

    most: int
    """So many passages are looked at; they are the best of the search."""

    weight: float
    """What its score counts beside the search's own, 0 to 1."""

    leaves: bool
    """Whether question and passages leave this machine."""

    async def scores(self, question: str, texts: Sequence[str]) -> Sequence[float]:
        """One for each text, higher is better. Never computes on the event loop. Raises RankingDown."""


def named(tenant_id: UUID, reranking: str) -> Ranker | None:
    """The one that a collection names."""
    if reranking == NO_RANKING:
        return None
    if reranking == BUILT_IN:
        return cast(Ranker, import_string(_BUILT_IN)())
    return cast(Ranker, import_string(_SERVER)(tenant_id, reranking))


async def ranked(
    ranker: Ranker, tenant_id: UUID, question: str, passages: Sequence[Passage], asker: Privacy | None
) -> list[Passage]:
    """The passages in their new order. Where none is to be had they come as they were, without `scores.reranked`."""
    looked_at = passages[: ranker.most]
    texts = [question, *("\n".join(filter(None, (one.heading, one.text))) for one in looked_at)]
    try:
        if ranker.leaves:
            texts = await scrubbing.scrubbed(tenant_id, texts, asker)
        found = await ranker.scores(texts[0], texts[1:]) if looked_at else []
    except (Blocked, RankingDown, ScrubbingDown) as down:
        log.warning("passages are not ranked again", tenant=str(tenant_id), error=str(down), kind=type(down).__name__)
        return list(passages)
    fresh = [_with(one, score, ranker.weight, found) for one, score in zip(looked_at, found, strict=True)]
    return [*sorted(fresh, key=lambda one: -one.scores.total), *passages[ranker.most :]]


def _with(passage: Passage, score: float, weight: float, found: Sequence[float]) -> Passage:
    least, span = min(found), max(found) - min(found)
    stretched = (score - least) / span if span > 0 else 1.0
    total = weight * stretched + (1 - weight) * passage.scores.total
    return replace(passage, scores=replace(passage.scores, total=total, reranked=float(score)))
