"""How near a text is to examples of a topic: the cosine to what they have in common, or to one of them.

Vectors are of the built-in model, less what is common to texts of any topic: without that all questions are alike.

A text is taken in parts of a sentence or two, of which the nearest counts. Of a long text its beginning and its end are
taken: each part costs some milliseconds of a processor.
"""

import re
from collections import OrderedDict
from collections.abc import Iterator, Sequence

import numpy as np

from proxy.call import TenantRules
from proxy.knowledge.passages import Vectors
from proxy.rules.rule import Asked
from proxy.rules.weighing import Embed

_PART_CHARS = 80
_MOST_PARTS = 8
_END = re.compile(r"(?<=[.!?。？！])\s+|\n+|</?p>")
_LEAST_CHARS = 12
_MOST_TOPICS = 128


_ORDINARY = (
    *("How do I reset my password?", "Write a short story about a lighthouse.", "What is the capital of Peru?"),
    *("Fix the failing test in this module.", "Translate this letter into French.", "Why is the sky blue?"),
    *("Give me a recipe with potatoes.", "Summarise the minutes of the meeting.", "Plan a weekend in Rome for two."),
    *("Explain how a database index works.", "Draft a polite reply to a customer.", "What should I read next?"),
    *("The build has been slow since Monday.", "Which colour suits a small room?", "Convert this table to JSON."),
    *("Please correct the spelling of this text.", "How old is the universe?", "My printer does not answer."),
    *("Invent a name for a bakery.", "What does this error message mean?", "List the rivers of Portugal."),
)
_OF_ONE = 0.1  # less: what is like one example only, not like all of them


class Topics:
    """Keeps the vectors of the examples."""

    def __init__(self, embed: Embed) -> None:
        self._embed = embed
        self._examples: OrderedDict[tuple[str, ...], Vectors] = OrderedDict()
        self._common: Vectors | None = None

    async def open(self) -> None:
        await self._vectors(_ORDINARY[:1])

    async def scores(self, texts: Sequence[str], asked: Asked, _tenant: TenantRules) -> Sequence[float]:
        examples = await self._of(tuple(asked.topics))
        taken = [(number, part) for number, text in enumerate(texts) for part in parts(text)]
        found = [0.0] * len(texts)
        if taken:
            vectors = await self._vectors([part for _number, part in taken])
            whole = _normalised(examples.mean(axis=0, keepdims=True))
            near = np.maximum(vectors @ whole[0], (vectors @ examples.T).max(axis=1) - _OF_ONE)
            for (number, _part), score in zip(taken, near, strict=True):
                found[number] = max(found[number], min(float(score), 1.0))
        return found

    async def _of(self, topics: tuple[str, ...]) -> Vectors:
        known = self._examples.get(topics)
        if known is None:
            known = self._examples[topics] = await self._vectors(topics)
            if len(self._examples) > _MOST_TOPICS:
                self._examples.popitem(last=False)
        return known

    async def _vectors(self, texts: Sequence[str]) -> Vectors:
        if self._common is None:
            self._common = (await self._embed(_ORDINARY)).mean(axis=0)
        return _normalised(await self._embed(texts) - self._common)


def _normalised(vectors: Vectors) -> Vectors:
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9), dtype=np.float32)


def parts(text: str) -> list[str]:
    """What of a text is compared: sentences, the short ones together."""
    joined = [""]
    for sentence in _sentences(text):
        if len(joined[-1]) + len(sentence) > _PART_CHARS and joined[-1]:
            joined.append("")
        joined[-1] = f"{joined[-1]} {sentence}".strip()
    told = [part for part in joined if len(part) >= _LEAST_CHARS]
    return told if len(told) <= _MOST_PARTS else [*told[: _MOST_PARTS // 2], *told[-_MOST_PARTS // 2 :]]


def _sentences(text: str) -> Iterator[str]:
    for sentence in _END.split(text):
        for begin in range(0, len(sentence), _PART_CHARS):
            yield sentence[begin : begin + _PART_CHARS].strip()
