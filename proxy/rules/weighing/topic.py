"""How near a text is to examples of a topic: the highest cosine between their vectors, with the built-in model.

A text is taken in parts of a few sentences, of which the nearest counts. Of a long text its beginning and its end are
taken: each part costs some ten milliseconds of a processor.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Sequence

import numpy as np

from proxy.call import TenantRules
from proxy.knowledge import embedding, tokens
from proxy.knowledge.passages import Vectors
from proxy.rules.rule import Asked
from proxy.rules.weighing import NotWeighed

_PART_CHARS = 400
_MOST_PARTS = 8
_LEAST_CHARS = 12
_MOST_TOPICS = 128


class Topics:
    """Keeps the vectors of the examples."""

    def __init__(self) -> None:
        self._examples: OrderedDict[tuple[str, ...], Vectors] = OrderedDict()

    async def scores(self, texts: Sequence[str], asked: Asked, _tenant: TenantRules) -> Sequence[float]:
        examples = await self._of(tuple(asked.topics))
        taken = [(number, part) for number, text in enumerate(texts) for part in parts(text)]
        found = [0.0] * len(texts)
        if taken:
            near = (await _embedded([part for _number, part in taken]) @ examples.T).max(axis=1)
            for (number, _part), score in zip(taken, near, strict=True):
                found[number] = max(found[number], min(float(score), 1.0))
        return found

    async def _of(self, topics: tuple[str, ...]) -> Vectors:
        known = self._examples.get(topics)
        if known is None:
            known = self._examples[topics] = await _embedded(topics)
            if len(self._examples) > _MOST_TOPICS:
                self._examples.popitem(last=False)
        return known


def parts(text: str) -> list[str]:
    """What of a text is compared."""
    cut = [text[begin : begin + _PART_CHARS] for begin in range(0, len(text), _PART_CHARS)]
    told = [part for part in cut if len(part.strip()) >= _LEAST_CHARS]
    return told if len(told) <= _MOST_PARTS else [*told[: _MOST_PARTS // 2], *told[-_MOST_PARTS // 2 :]]


async def _embedded(texts: Sequence[str]) -> Vectors:
    try:
        model = await asyncio.to_thread(embedding.built_in)  # it takes seconds to open
        return np.asarray(await model.embed(texts), dtype=np.float32)
    except (embedding.EmbeddingDown, tokens.Altered) as down:
        raise NotWeighed(str(down)) from down
