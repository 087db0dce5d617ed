"""Vectors from a server that speaks OpenAI's embeddings."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import numpy as np

from proxy.knowledge.embedding import EmbeddingDown
from proxy.knowledge.passages import Vectors
from proxy.knowledge.remote import Remote, RemoteDown

_BATCH = 64
_SECONDS = 60.0


class Server:
    """A model of one of the tenant's upstreams, named `UPSTREAM/MODEL`."""

    def __init__(self, tenant_id: UUID, embedding: str) -> None:
        self._remote = Remote(tenant_id, embedding)
        self.model = self._remote.model

    async def embed(self, texts: Sequence[str]) -> Vectors:
        parts = [list(texts[start : start + _BATCH]) for start in range(0, len(texts), _BATCH)]
        bodies = [{"model": self.model, "input": part, "encoding_format": "float"} for part in parts]
        try:
            answers = await self._remote.post("embeddings", bodies, seconds=_SECONDS)
        except RemoteDown as down:
            raise EmbeddingDown(str(down)) from down
        rows = [row for answer, part in zip(answers, parts, strict=True) for row in self._vectors(answer, len(part))]
        found = np.array(rows, dtype=np.float32)
        return np.asarray(found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-9), dtype=np.float32)

    def _vectors(self, answer: Any, expected: int) -> list[list[float]]:
        """The rows in the order of the texts."""
        data = answer.get("data") if isinstance(answer, dict) else None
        try:
            rows = [row["embedding"] for row in sorted(data or (), key=lambda row: row["index"])]
            widths = {len(row) for row in rows}
            is_sound = len(rows) == expected and len(widths) == 1 and np.isfinite(np.array(rows, dtype=float)).all()
        except (KeyError, TypeError, ValueError):
            is_sound = False
        if not is_sound:
            raise EmbeddingDown(f"The upstream {self._remote.upstream!r} answered something else than embeddings.")
        return rows
