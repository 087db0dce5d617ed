"""A server that scores texts, one of the tenant's upstreams of the kind `detector`: guarded and sealed as all are.

It is sent `{"rule": …, "texts": […]}` and answers `{"scores": […]}` (docs/detectors.md). Asked once, never again; not
followed elsewhere.
"""

import hmac
import time
from collections.abc import Iterator, Sequence
from typing import Any

import httpx
import orjson

from proxy.call import TenantRules, UpstreamRules
from proxy.rules.rule import Asked
from proxy.rules.weighing import NotWeighed
from tenants import destinations

_MOST_TEXTS = 32
_MOST_CHARS = 200_000
_PART_CHARS = 50_000
_MOST_ANSWER_BYTES = 64 * 1024


class Server:
    """Speaks to the servers of all tenants."""

    def __init__(self, transport: httpx.AsyncBaseTransport) -> None:
        self._transport = transport

    async def open(self) -> None:
        """A server is ready, or it is not: what it takes counts."""

    async def scores(self, texts: Sequence[str], asked: Asked, tenant: TenantRules) -> Sequence[float]:
        server = tenant.detectors.get(asked.server)
        if server is None:
            raise NotWeighed(f"The detector {asked.server!r} is gone or switched off.")
        if server.credential is None:
            raise NotWeighed(f"The credential of the detector {asked.server!r} cannot be opened.")
        pieces = [
            (number, text[begin : begin + _PART_CHARS])
            for number, text in enumerate(texts)
            for begin in range(0, len(text), _PART_CHARS)
        ]
        found = [0.0] * len(texts)
        for batch in _batches(pieces):
            scores = await self._ask(server, asked, [text for _number, text in batch])
            for (number, _text), score in zip(batch, scores, strict=True):
                found[number] = max(found[number], score)
        return found

    async def _ask(self, server: UpstreamRules, asked: Asked, texts: Sequence[str]) -> Sequence[float]:
        content = orjson.dumps({"texts": texts, "threshold": asked.threshold})
        request = httpx.Request(
            "POST",
            server.base_url,
            headers=_headers(server.credential or "", content),
            content=content,
            extensions={
                "timeout": {"connect": min(server.connect_timeout_seconds, asked.seconds), "read": asked.seconds}
            },
        )
        try:
            destinations.check_url(server.base_url)  # it was saved under the settings of another day
            response = await self._transport.handle_async_request(request)
            try:
                raw = await _read(response)
            finally:
                await response.aclose()
        except (destinations.Forbidden, httpx.HTTPError) as failed:
            raise NotWeighed(f"The detector {server.name!r} cannot be asked: {failed}") from failed
        if response.status_code != 200:
            raise NotWeighed(f"The detector {server.name!r} answered HTTP {response.status_code}.")
        return _scores(server.name, raw, len(texts))


def _headers(credential: str, content: bytes) -> dict[str, str]:
    """The credential as a bearer token, and a signature made with it: over the time, a dot and the body."""
    headers = {"content-type": "application/json", "accept-encoding": "identity"}
    if credential:
        at = str(int(time.time()))
        signature = hmac.new(credential.encode(), f"{at}.".encode() + content, "sha256").hexdigest()
        headers |= {
            "authorization": f"Bearer {credential}",
            "x-llmp-timestamp": at,
            "x-llmp-signature": f"sha256={signature}",
        }
    return headers


def _batches(pieces: Sequence[tuple[int, str]]) -> Iterator[list[tuple[int, str]]]:
    batch: list[tuple[int, str]] = []
    chars = 0
    for piece in pieces:
        if batch and (len(batch) == _MOST_TEXTS or chars + len(piece[1]) > _MOST_CHARS):
            yield batch
            batch, chars = [], 0
        batch.append(piece)
        chars += len(piece[1])
    if batch:
        yield batch


async def _read(response: httpx.Response) -> bytes:
    raw = b""
    async for piece in response.aiter_raw():
        raw += piece
        if len(raw) > _MOST_ANSWER_BYTES:
            raise httpx.ReadError("its answer is larger than scores are")
    return raw


def _scores(name: str, raw: bytes, expected: int) -> Sequence[float]:
    try:
        answer: Any = orjson.loads(raw)
    except orjson.JSONDecodeError:
        answer = None
    given = answer.get("scores") if isinstance(answer, dict) else None
    scores = [float(one) for one in given if _is_score(one)] if isinstance(given, list) else []
    if len(scores) != expected or not isinstance(given, list) or len(given) != expected:
        raise NotWeighed(f"The detector {name!r} answered something else than {expected} scores from 0 to 1.")
    return scores


def _is_score(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1
