"""Texts as vectors: one interface, the model that comes with the product, and servers that speak OpenAI's."""

from collections.abc import Sequence
from functools import cache
from typing import Protocol, cast

from django.utils.module_loading import import_string

from proxy.knowledge.models import Index
from proxy.knowledge.passages import Vectors
from tenants.models.collections import BUILT_IN

# By name: the runtime of the model is loaded where it is first used, and nowhere else.
_BUILT_IN = "proxy.knowledge.embedding.minilm.MiniLM"
_SERVER = "proxy.knowledge.embedding.server.Server"


class EmbeddingDown(Exception):
    """No vectors are to be had now. The message says why, and what would help."""


class Embedder(Protocol):
    """A model. Vectors have the length 1."""

    model: str
    """What is kept beside vectors: those of two models do not compare."""

    async def embed(self, texts: Sequence[str]) -> Vectors:
        """One row for each text. Never computes on the event loop. Raises EmbeddingDown."""


def of(index: Index) -> Embedder:
    """The model that the index's vectors are of. Raises EmbeddingDown."""
    if index.embedding == BUILT_IN:
        return built_in()
    return cast(Embedder, import_string(_SERVER)(index.tenant_id, index.embedding))


@cache
def built_in() -> Embedder:
    """The model that comes with the product, opened once in a process."""
    return cast(Embedder, import_string(_BUILT_IN)())
