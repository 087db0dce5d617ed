"""Which models an upstream says it has, asked rarely and kept for a while."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import Any

import httpx
import orjson
import structlog

from proxy.call import UpstreamRules
from proxy.errors import Refused
from proxy.upstreams import anthropic
from proxy.upstreams.answer import Answer

KEPT_SECONDS = 300.0
RETRY_SECONDS = 15.0
# Claude Code gives a model list three seconds; a late answer is no answer.
PATIENCE_SECONDS = 2.0
_MAX_LISTS = 10_000

log = structlog.get_logger(__name__)
Model = dict[str, Any]


class ModelLists:
    """The lists of this process's upstreams. One that cannot be had falls back on the last one, or on literal globs."""

    def __init__(self, transports: Mapping[str, httpx.AsyncBaseTransport]) -> None:
        self._transports = transports
        self._kept: dict[object, tuple[float, Sequence[Model]]] = {}

    async def of(self, upstream: UpstreamRules) -> Sequence[Model]:
        """The upstream's models, in its own order and words."""
        key = (upstream.id, upstream.base_url, upstream.credential, upstream.models.patterns)
        until, models = self._kept.get(key, (0.0, ()))
        if time.monotonic() < until:
            return models
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                models = await self._ask(upstream)
            until = time.monotonic() + KEPT_SECONDS
        except (Refused, TimeoutError) as error:
            log.warning("upstream does not list its models", upstream=upstream.name, error=str(error))
            models = models or _literal(upstream)
            until = time.monotonic() + RETRY_SECONDS
        if len(self._kept) >= _MAX_LISTS:
            self._kept.clear()
        self._kept[key] = (until, models)
        return models

    async def _ask(self, upstream: UpstreamRules) -> Sequence[Model]:
        request = anthropic.request(
            upstream, "GET", "/v1/models", "limit=1000", [(b"anthropic-version", b"2023-06-01")]
        )
        answer = await Answer.ask(self._transports[upstream.kind], request, upstream)
        try:
            raw = await answer.read()
        finally:
            await answer.aclose()
        try:
            data = orjson.loads(raw).get("data")
        except (orjson.JSONDecodeError, AttributeError):
            data = None
        if answer.status != 200 or not isinstance(data, list):
            raise Refused(f"status {answer.status}")
        return [item for item in data if isinstance(item, dict) and isinstance(item.get("id"), str)]


def _literal(upstream: UpstreamRules) -> Sequence[Model]:
    """The names its globs spell out, in the shape of a model."""
    names = [glob for glob in upstream.models.patterns if not set(glob) & set("*?[")]
    return [{"type": "model", "id": name, "display_name": name, "created_at": "1970-01-01T00:00:00Z"} for name in names]
