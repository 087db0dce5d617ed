"""The simulator's endpoints: a request in, a reply out, without a server or a clock between them."""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qs, unquote

import orjson

from proxy.simulator import answer, catalogue, checks, frames, ids, question, tokens
from proxy.simulator.failures import Failure
from proxy.simulator.frames import Frame

MAX_BODY_BYTES = 32 * 1024 * 1024
_VERSIONS = ("2023-01-01", "2023-06-01", "2026-10-21")
_MODELS_PATH = "/v1/models"
_POSTED = ("/v1/messages", "/v1/messages/count_tokens")
_LIMITS = (("requests", 4_000), ("tokens", 5_000_000), ("input-tokens", 4_000_000), ("output-tokens", 800_000))

Headers = list[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class Reply:
    """Status and headers, then the frames of the body. `body` is set where nothing has to wait."""

    status: int
    headers: Headers
    frames: Iterable[Frame]
    body: bytes | None = None


def handle(method: str, target: str, headers: Mapping[str, str], body: bytes, *, requires_key: bool) -> Reply:
    """Answer one request. `target` is the path with its query; header names are in lower case."""
    request_id = ids.new("req")
    path, _, query = target.partition("?")
    try:
        _check_route(method, path)
        if requires_key and not (headers.get("x-api-key") or headers.get("authorization")):
            raise Failure(401, "x-api-key header is required")
        version = _version(headers)
        if path.startswith(_MODELS_PATH):
            return _json(200, _models(path, query), request_id)
        return _messages(path, version, body, request_id)
    except Failure as failed:
        return _failed(failed, request_id)


def _check_route(method: str, path: str) -> None:
    allowed = "POST" if path in _POSTED else "GET"
    if path not in _POSTED and path != _MODELS_PATH and not path.startswith(_MODELS_PATH + "/"):
        raise Failure(404, f"Not found: {path[:200]}")
    if method != allowed and not (method == "HEAD" and allowed == "GET"):
        raise Failure(405, "Method Not Allowed", headers={"allow": allowed})


def _version(headers: Mapping[str, str]) -> str:
    version = headers.get("anthropic-version")
    if not version:
        raise Failure(400, "anthropic-version: header is required")
    if version not in _VERSIONS:
        raise Failure(400, f"anthropic-version: {version[:40]!r} is not a valid version")
    return version


def _models(path: str, query: str) -> dict[str, Any]:
    if path == _MODELS_PATH:
        return catalogue.page(parse_qs(query))
    id = unquote(path.removeprefix(_MODELS_PATH + "/"))
    if id not in catalogue.MODELS:
        raise Failure(404, f"model: {id[:200]}")
    return catalogue.MODELS[id]


def _messages(path: str, version: str, raw: bytes, request_id: str) -> Reply:
    if len(raw) > MAX_BODY_BYTES:
        raise Failure(413, "Request exceeds the maximum size")
    is_count = path == _POSTED[1]
    document = checks.parse(raw, version, needs_max_tokens=not is_count)
    asked = question.read(document)
    if asked.asked.error and (asked.asked.after is None or not asked.is_streaming):
        failed = _failed(frames.failure(asked.asked), request_id)
        return failed if not asked.asked.first_ms else _late(failed, asked.asked.first_ms / 1000)
    if is_count:
        return _json(200, {"input_tokens": tokens.of_request(document).total}, request_id)
    return _answered(asked, request_id)


def _answered(asked: question.Question, request_id: str) -> Reply:
    composed = answer.compose(asked)
    headers = [(b"request-id", request_id.encode()), *_rate_limits(int(time.time()))]
    if asked.is_streaming:
        headers += [(b"content-type", b"text/event-stream; charset=utf-8"), (b"cache-control", b"no-cache")]
        return Reply(200, headers, frames.streamed(composed, asked.asked, request_id))
    body, planned = frames.whole(composed, asked.asked)
    headers += [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    is_plain = not planned[0].pause_seconds and not planned[0].breaks
    return Reply(200, headers, planned, body if is_plain else None)


def _json(status: int, value: Mapping[str, Any], request_id: str, extra: Sequence[tuple[bytes, bytes]] = ()) -> Reply:
    return _body(status, orjson.dumps(value), request_id, extra)


def _failed(failed: Failure, request_id: str) -> Reply:
    extra = [(name.encode(), value.encode()) for name, value in failed.headers.items()]
    return _body(failed.status, failed.body(request_id), request_id, extra)


def _body(status: int, body: bytes, request_id: str, extra: Sequence[tuple[bytes, bytes]]) -> Reply:
    headers = [
        (b"request-id", request_id.encode()),
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % len(body)),
        *extra,
    ]
    return Reply(status, headers, [Frame(0, body)], body)


def _late(reply: Reply, pause_seconds: float) -> Reply:
    return Reply(reply.status, reply.headers, [Frame(pause_seconds, reply.body or b"")])


@lru_cache(maxsize=1)
def _rate_limits(now: int) -> Headers:
    """Headers as of an organisation that has used nothing: the simulator keeps no count."""
    reset = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now)).encode()
    values = (("limit", None), ("remaining", None), ("reset", reset))
    return [
        (f"anthropic-ratelimit-{kind}-{name}".encode(), value or b"%d" % amount)
        for kind, amount in _LIMITS
        for name, value in values
    ]
