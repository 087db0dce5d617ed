"""Vectors from a server that speaks OpenAI's embeddings, reached as every upstream is: guarded, with its credential."""

from collections.abc import Sequence
from typing import Any, cast
from uuid import UUID

import httpx
import numpy as np
import orjson
from asgiref.sync import sync_to_async
from django.conf import settings
from django.utils.module_loading import import_string

from proxy.knowledge.embedding import EmbeddingDown
from proxy.knowledge.passages import Vectors
from tenants import destinations, queries, secrets
from tenants.models import Upstream

_BATCH = 64
_SECONDS = 60.0
_MOST_BYTES = 64 * 1024 * 1024


class Server:
    """A model of one of the tenant's upstreams, named `UPSTREAM/MODEL`."""

    def __init__(self, tenant_id: UUID, embedding: str) -> None:
        self._tenant_id = tenant_id
        self._upstream, _slash, self.model = embedding.partition("/")

    async def embed(self, texts: Sequence[str]) -> Vectors:
        url, credential = await sync_to_async(self._where)()
        rows: list[Any] = []
        async with _transport() as transport:
            for start in range(0, len(texts), _BATCH):
                body = {"model": self.model, "input": list(texts[start : start + _BATCH]), "encoding_format": "float"}
                rows += self._vectors(await self._ask(transport, url, credential, body), len(body["input"]))
        found = np.array(rows, dtype=np.float32)
        return np.asarray(found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-9), dtype=np.float32)

    def _where(self) -> tuple[str, str]:
        """Address and credential, as they are now."""
        row = Upstream.objects.filter(tenant_id=self._tenant_id, name=self._upstream, is_enabled=True).first()
        if row is None or not row.base_url:
            raise EmbeddingDown(f"The upstream {self._upstream!r} is gone or switched off. Choose another embedding.")
        try:
            destinations.check_url(row.base_url)
            credential = queries.credential_of(row)
        except (destinations.Forbidden, secrets.CannotDecrypt) as refused:
            raise EmbeddingDown(f"The upstream {self._upstream!r} cannot be asked: {refused}") from refused
        base = row.base_url if row.base_url.endswith("/v1") else f"{row.base_url}/v1"
        return f"{base}/embeddings", credential

    async def _ask(self, transport: httpx.AsyncBaseTransport, url: str, credential: str, body: dict[str, Any]) -> Any:
        request = httpx.Request(
            "POST",
            url,
            headers={"content-type": "application/json", "authorization": f"Bearer {credential}"},
            content=orjson.dumps(body),
            extensions={"timeout": {"connect": 10.0, "read": _SECONDS}},
        )
        try:
            response = await transport.handle_async_request(request)
            raw = await _read(response)
        except httpx.HTTPError as failed:
            raise EmbeddingDown(f"The upstream {self._upstream!r} does not answer: {failed}.") from failed
        if response.status_code != 200:
            raise EmbeddingDown(f"The upstream {self._upstream!r} answered {response.status_code} for {self.model!r}.")
        try:
            return orjson.loads(raw)
        except orjson.JSONDecodeError:
            return None

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
            raise EmbeddingDown(f"The upstream {self._upstream!r} answered something else than embeddings.")
        return rows


async def _read(response: httpx.Response) -> bytes:
    pieces, size = [], 0
    async for piece in response.aiter_raw():
        size += len(piece)
        if size > _MOST_BYTES:
            raise httpx.ReadError("the answer is larger than embeddings are")
        pieces.append(piece)
    return b"".join(pieces)


def _transport() -> httpx.AsyncBaseTransport:
    """What connects as calls to upstreams do. By name: the engines know nothing of upstreams."""
    return cast(httpx.AsyncBaseTransport, import_string(settings.GUARDED_TRANSPORT)(destinations.check_address))
