"""Late interaction with the built-in model: each word of the question looks for the word of a passage most like it.

As in ColBERT (Khattab and Zaharia, 2020), with the token vectors of a model that was not trained for it.
"""

import asyncio
from collections.abc import Sequence

import numpy as np

from proxy.knowledge.embedding import minilm
from proxy.knowledge.passages import Vectors


class Tokens:
    """The best matches of the question's words, on average."""

    most = 12
    weight = 0.3
    leaves = False

    async def scores(self, question: str, texts: Sequence[str]) -> Sequence[float]:
        return await asyncio.get_running_loop().run_in_executor(minilm.threads(), _scores, question, list(texts))


def _scores(question: str, texts: Sequence[str]) -> list[float]:
    asked, *found = minilm.token_vectors([question, *texts])
    return [best(asked, vectors) for vectors in found]


def best(asked: Vectors, vectors: Vectors) -> float:
    """The mean over the question's tokens of the highest cosine with any token of the passage."""
    return float(np.asarray(asked @ vectors.T).max(axis=1).mean())
