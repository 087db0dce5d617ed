"""A server that ranks as Cohere's does: `POST /rerank` with a question and documents."""

import asyncio
import math
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from proxy.knowledge.ranking import RankingDown
from proxy.knowledge.remote import Remote, RemoteDown

_SECONDS = 2.0


class Server:
    """A model of one of the tenant's upstreams, named `UPSTREAM/MODEL`."""

    most = 30
    weight = 1.0
    leaves = True

    def __init__(self, tenant_id: UUID, reranking: str) -> None:
        self._remote = Remote(tenant_id, reranking)

    async def scores(self, question: str, texts: Sequence[str]) -> Sequence[float]:
        body = {"model": self._remote.model, "query": question, "documents": list(texts), "top_n": len(texts)}
        try:
            async with asyncio.timeout(_SECONDS):
                [answer] = await self._remote.post("rerank", [body], seconds=_SECONDS)
        except TimeoutError:
            raise RankingDown(f"The upstream {self._remote.upstream!r} took longer than {_SECONDS:g} s.") from None
        except RemoteDown as down:
            raise RankingDown(str(down)) from down
        return self._scores(answer, len(texts))

    def _scores(self, answer: Any, expected: int) -> list[float]:
        """In the order of the texts."""
        results = answer.get("results") if isinstance(answer, dict) else None
        try:
            found = {row["index"]: float(row["relevance_score"]) for row in results or ()}
            is_sound = found.keys() == set(range(expected)) and all(map(math.isfinite, found.values()))
        except (KeyError, TypeError, ValueError):
            is_sound = False
        if not is_sound:
            raise RankingDown(f"The upstream {self._remote.upstream!r} answered something else than an order.")
        return [found[place] for place in range(expected)]
