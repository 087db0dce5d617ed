"""An answer as what goes over the wire and when: one whole body, or server-sent events at their pace."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import orjson

from proxy.formats.sse import Event
from proxy.simulator.answer import Answer
from proxy.simulator.directives import Directives
from proxy.simulator.failures import Failure


@dataclass(frozen=True, slots=True)
class Frame:
    """Bytes to send after a pause. A frame that breaks is followed by nothing: the connection is cut."""

    pause_seconds: float
    data: bytes
    breaks: bool = False


_PING = Event.build("ping", {"type": "ping"}).raw


def whole(answer: Answer, asked: Directives) -> tuple[bytes, list[Frame]]:
    """The body of an answer that is not streamed, and the frames that carry it."""
    body = orjson.dumps(answer.message())
    pause = (asked.first_ms + asked.delay_ms * sum(len(part.pieces) for part in answer.parts)) / 1000
    if asked.cut is not None:
        return body, [Frame(pause, body[: len(body) // 2], breaks=True)]
    return body, [Frame(pause, body)]


def streamed(answer: Answer, asked: Directives, request_id: str) -> Iterator[Frame]:
    """The events of an answer, up to the token where an error or a cut was asked for."""
    ending = _ending(asked, request_id)
    last_token = min((at for at in (asked.cut, asked.after if asked.error else None) if at is not None), default=None)
    sent = 0
    yield Frame(0, _event("message_start", {"message": _opening(answer)}))
    if last_token == 0:
        yield ending
        return
    for index, part in enumerate(answer.parts):
        yield Frame(0, _event("content_block_start", {"index": index, "content_block": part.start()}))
        if index == 0:
            yield Frame(0, _PING)
        for tokens, delta in part.deltas():
            pause = _pause(asked, sent, tokens)
            sent += tokens
            yield Frame(pause, _event("content_block_delta", {"index": index, "delta": delta}))
            if last_token is not None and sent >= last_token:
                yield ending
                return
            if tokens and asked.ping_every and sent % asked.ping_every == 0:
                yield Frame(0, _PING)
        yield Frame(0, _event("content_block_stop", {"index": index}))
    if last_token is not None:
        yield ending
        return
    yield Frame(0, _event("message_delta", _closing(answer)))
    yield Frame(0, _event("message_stop", {}))


def _ending(asked: Directives, request_id: str) -> Frame:
    """How a stream that does not finish stops: with an error event where one was asked for, else cut."""
    is_error_first = asked.cut is None or (asked.after is not None and asked.after <= asked.cut)
    if asked.error and is_error_first:
        return Frame(0, b"event: error\ndata: " + failure(asked).body(request_id) + b"\n\n")
    return Frame(0, b"", breaks=True)


def failure(asked: Directives) -> Failure:
    """The error that was asked for."""
    status = asked.error or 500
    headers = {}
    if asked.retry_after is not None:
        headers["retry-after"] = f"{asked.retry_after:g}"
    if asked.should_retry is not None:
        headers["x-should-retry"] = "true" if asked.should_retry else "false"
    message = asked.message or f"LLM Proxy's simulator was asked for error {status}."
    return Failure(status, message, type=asked.error_type, headers=headers)


def _pause(asked: Directives, sent: int, tokens: int) -> float:
    if not tokens:
        return 0
    return (asked.delay_ms * tokens + (0 if sent else asked.first_ms)) / 1000


def _opening(answer: Answer) -> dict[str, Any]:
    usage = {**answer.usage(), "output_tokens": 1}
    usage.pop("output_tokens_details", None)
    return {**answer.message(), "content": [], "stop_reason": None, "stop_sequence": None, "usage": usage}


def _closing(answer: Answer) -> dict[str, Any]:
    usage = answer.usage()
    counts = {name: usage[name] for name in usage if name not in ("cache_creation", "service_tier")}
    delta = {"stop_reason": answer.stop_reason, "stop_sequence": answer.stop_sequence, "stop_details": None}
    return {"delta": delta, "usage": counts}


def _event(name: str, payload: dict[str, Any]) -> bytes:
    return Event.build(name, {"type": name, **payload}).raw
