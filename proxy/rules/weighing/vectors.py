"""Texts as vectors of the built-in model, for topics."""

import asyncio
from collections.abc import Sequence

from proxy.knowledge import embedding, tokens
from proxy.knowledge.passages import Vectors
from proxy.rules.weighing import NotWeighed


async def embedded(texts: Sequence[str]) -> Vectors:
    """One row for each text, of length 1. Raises NotWeighed."""
    try:
        model = await asyncio.to_thread(embedding.built_in)  # it takes a moment to open
        return await model.embed(texts)
    except (embedding.EmbeddingDown, tokens.Altered) as down:
        raise NotWeighed(str(down)) from down
