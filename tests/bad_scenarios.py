"""What a bad upstream can do: coroutines of (reader, writer, request) that write exactly what goes over the wire.

One that returns without closing the writer leaves the connection open for the next request.
"""

import asyncio
import base64
import gzip
import json
import socket
import struct
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

Scenario = Callable[..., Awaitable[None]]
Writer = asyncio.StreamWriter
Reader = asyncio.StreamReader

USAGE = {"input_tokens": 10, "output_tokens": 3}
MESSAGE: dict[str, Any] = {
    "id": "msg_bad_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-opus-5-5",
    "content": [{"type": "text", "text": "Grüße, 世界 🙂"}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": USAGE,
}
MESSAGE_BYTES = json.dumps(MESSAGE, ensure_ascii=False).encode()
JSON = ("content-type", "application/json")
SSE = ("content-type", "text/event-stream; charset=utf-8")
HTML = ("content-type", "text/html")
CHUNKED = ("transfer-encoding", "chunked")
PAGE = b"<html><body><h1>502 Bad Gateway</h1></body></html>"


@dataclass(frozen=True)
class Request:
    """One request as it came. `raw` is head and body as they were on the wire."""

    raw: bytes
    method: str
    target: str
    headers: Sequence[tuple[str, str]]
    body: bytes
    received_at: float
    peer_closed: asyncio.Event = field(repr=False)


def event(name: str, **payload: Any) -> bytes:
    """One server-sent event of the Messages API."""
    data = json.dumps({"type": name, **payload}, ensure_ascii=False)
    return f"event: {name}\ndata: {data}\n\n".encode()


def delta(text: str) -> bytes:
    """One piece of text."""
    return event("content_block_delta", index=0, delta={"type": "text_delta", "text": text})


START = event("message_start", message={**MESSAGE, "content": [], "stop_reason": None})
BLOCK_START = event("content_block_start", index=0, content_block={"type": "text", "text": ""})
ENDING = [
    event("content_block_stop", index=0),
    event("message_delta", delta={"stop_reason": "end_turn", "stop_sequence": None}, usage=USAGE),
    event("message_stop"),
]


def error(kind: str, message: str) -> dict[str, Any]:
    """Anthropic's error envelope."""
    return {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_bad_1"}


ERROR_EVENT = b"event: error\ndata: " + json.dumps(error("overloaded_error", "Overloaded")).encode() + b"\n\n"


def events(count: int = 3) -> list[bytes]:
    """A complete stream with `count` pieces of text, one of them in several scripts."""
    return [START, BLOCK_START, *(delta(f"Grüße {n}, 世界 🙂 ") for n in range(count)), *ENDING]


def head(status: int, *headers: tuple[str, str]) -> bytes:
    """A status line and headers."""
    lines = [f"HTTP/1.1 {status} Whatever", "request-id: req_bad_1", *(f"{name}: {value}" for name, value in headers)]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def sized(body: bytes) -> tuple[str, str]:
    """The honest content-length."""
    return ("content-length", str(len(body)))


def chunk(data: bytes) -> bytes:
    """One HTTP chunk."""
    return b"%x\r\n%b\r\n" % (len(data), data)


async def send(writer: Writer, *pieces: bytes, delay: float = 0) -> None:
    """Write each piece by itself."""
    for piece in pieces:
        writer.write(piece)
        await writer.drain()
        await asyncio.sleep(delay)


def reset(writer: Writer) -> None:
    """Close with RST instead of FIN."""
    raw: socket.socket = writer.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def _stream(writer: Writer, pieces: Iterable[bytes], *headers: tuple[str, str], delay: float = 0) -> None:
    await send(writer, head(200, *(headers or (SSE,)), CHUNKED))
    await send(writer, *(chunk(piece) for piece in pieces), delay=delay)
    await send(writer, b"0\r\n\r\n")


async def _begin(writer: Writer) -> None:
    """The first half of a stream, enough for a client to have seen text."""
    await send(writer, head(200, SSE, CHUNKED), *map(chunk, (START, BLOCK_START, delta("Half an answer"))))


# Scenarios: well behaved


async def message(reader: Reader, writer: Writer, request: Request) -> None:
    """A whole answer as JSON."""
    await send(writer, head(200, JSON, sized(MESSAGE_BYTES)) + MESSAGE_BYTES)


async def stream(reader: Reader, writer: Writer, request: Request, count: int = 3, delay: float = 0) -> None:
    """A whole stream of `count` pieces of text, with `delay` seconds after each event."""
    await _stream(writer, events(count), delay=delay)


async def echo(reader: Reader, writer: Writer, request: Request) -> None:
    """A message whose `echo` says what arrived: method, target, headers, and base64 of the body and the raw bytes."""
    seen = {
        "method": request.method,
        "target": request.target,
        "headers": request.headers,
        "body": base64.b64encode(request.body).decode(),
        "raw": base64.b64encode(request.raw).decode(),
    }
    body = json.dumps({**MESSAGE, "echo": seen}).encode()
    await send(writer, head(200, JSON, sized(body)) + body)


# Scenarios: connections that end too soon, or do not


async def reset_before_headers(reader: Reader, writer: Writer, request: Request) -> None:
    reset(writer)


async def close_before_headers(reader: Reader, writer: Writer, request: Request) -> None:
    writer.close()


async def reset_mid_stream(reader: Reader, writer: Writer, request: Request) -> None:
    await _begin(writer)
    await asyncio.sleep(0.05)  # RST discards what the peer has not read yet
    reset(writer)


async def chunked_unterminated(reader: Reader, writer: Writer, request: Request) -> None:
    await _begin(writer)
    writer.close()


async def close_without_message_stop(reader: Reader, writer: Writer, request: Request) -> None:
    """Properly ended HTTP, but the events stop in the middle."""
    await _stream(writer, [START, BLOCK_START, delta("Half an answer")])


async def half_close(reader: Reader, writer: Writer, request: Request) -> None:
    """The sending side is shut in the middle of a stream; the other stays open until the peer leaves."""
    await _begin(writer)
    writer.write_eof()
    await request.peer_closed.wait()


async def stall_before_headers(reader: Reader, writer: Writer, request: Request) -> None:
    await request.peer_closed.wait()


async def stall_mid_stream(reader: Reader, writer: Writer, request: Request) -> None:
    await _begin(writer)
    await request.peer_closed.wait()


async def slow_headers(reader: Reader, writer: Writer, request: Request, delay: float = 0.01) -> None:
    """The head byte by byte."""
    full = head(200, JSON, sized(MESSAGE_BYTES))
    await send(writer, *(full[at : at + 1] for at in range(len(full))), delay=delay)
    await send(writer, MESSAGE_BYTES)


# Scenarios: odd but allowed


async def json_split(reader: Reader, writer: Writer, request: Request) -> None:
    """A JSON body in writes of one byte."""
    await send(writer, head(200, JSON, sized(MESSAGE_BYTES)))
    await send(writer, *(MESSAGE_BYTES[at : at + 1] for at in range(len(MESSAGE_BYTES))))


async def sse_split(reader: Reader, writer: Writer, request: Request) -> None:
    """A stream in chunks of one byte."""
    whole = b"".join(events())
    await _stream(writer, (whole[at : at + 1] for at in range(len(whole))))


async def sse_crlf(reader: Reader, writer: Writer, request: Request) -> None:
    await _stream(writer, [piece.replace(b"\n", b"\r\n") for piece in events()])


async def sse_cr(reader: Reader, writer: Writer, request: Request) -> None:
    await _stream(writer, [piece.replace(b"\n", b"\r") for piece in events()])


async def sse_comments(reader: Reader, writer: Writer, request: Request) -> None:
    await _stream(writer, [b": keep-alive\n\n" + piece for piece in events()])


async def sse_big_event(reader: Reader, writer: Writer, request: Request, size: int = 1024 * 1024) -> None:
    await _stream(writer, [START, BLOCK_START, delta("x" * size), *ENDING])


async def json_typed_stream(reader: Reader, writer: Writer, request: Request) -> None:
    await _stream(writer, events(), JSON)


async def gzipped(reader: Reader, writer: Writer, request: Request) -> None:
    body = gzip.compress(MESSAGE_BYTES)
    await send(writer, head(200, JSON, ("content-encoding", "gzip"), sized(body)) + body)


async def trailers(reader: Reader, writer: Writer, request: Request) -> None:
    await send(writer, head(200, SSE, CHUNKED, ("trailer", "x-checksum")), *map(chunk, events()))
    await send(writer, b"0\r\nx-checksum: 1234\r\n\r\n")


async def early_hints(reader: Reader, writer: Writer, request: Request) -> None:
    await send(writer, b"HTTP/1.1 103 Early Hints\r\nlink: </style.css>\r\n\r\n")
    await message(reader, writer, request)


async def huge_headers(reader: Reader, writer: Writer, request: Request, size: int = 256 * 1024) -> None:
    await send(writer, head(200, JSON, ("x-huge", "x" * size), sized(MESSAGE_BYTES)) + MESSAGE_BYTES)


# Scenarios: wrong


async def html_200(reader: Reader, writer: Writer, request: Request) -> None:
    await send(writer, head(200, HTML, sized(PAGE)) + PAGE)


async def html_502(reader: Reader, writer: Writer, request: Request) -> None:
    await send(writer, head(502, HTML, sized(PAGE)) + PAGE)


async def sse_invalid_utf8(reader: Reader, writer: Writer, request: Request) -> None:
    broken = delta("MARK").replace(b"MARK", b"\xff\xfe\xc3")
    await _stream(writer, [START, BLOCK_START, broken, *ENDING])


async def content_length_too_long(reader: Reader, writer: Writer, request: Request) -> None:
    """More is promised than comes."""
    await send(writer, head(200, JSON, ("content-length", str(len(MESSAGE_BYTES) + 10))) + MESSAGE_BYTES)
    writer.close()


async def content_length_too_short(reader: Reader, writer: Writer, request: Request) -> None:
    """More comes than was promised."""
    await send(writer, head(200, JSON, ("content-length", str(len(MESSAGE_BYTES) - 10))) + MESSAGE_BYTES)


async def redirect(reader: Reader, writer: Writer, request: Request, status: int = 307, to: str = "/else") -> None:
    await send(writer, head(status, ("location", to), ("content-length", "0")))


async def error_event_first(reader: Reader, writer: Writer, request: Request) -> None:
    await _stream(writer, [ERROR_EVENT])


async def error_event_after_text(reader: Reader, writer: Writer, request: Request) -> None:
    await _stream(writer, [START, BLOCK_START, delta("Half an answer"), ERROR_EVENT])


async def status(
    reader: Reader, writer: Writer, request: Request, code: int = 500, kind: str = "api_error", retry: bool = True
) -> None:
    """An error with Anthropic's body, and with both headers that say when to come back."""
    body = json.dumps(error(kind, f"Upstream says {code}")).encode()
    waits = (("retry-after", "2"), ("retry-after-ms", "1500")) if retry else ()
    await send(writer, head(code, JSON, *waits, sized(body)) + body)


SCENARIOS: dict[str, Scenario] = {
    scenario.__name__: scenario
    for scenario in (
        *(message, stream, echo),
        *(reset_before_headers, close_before_headers, reset_mid_stream, chunked_unterminated),
        *(close_without_message_stop, half_close, stall_before_headers, stall_mid_stream, slow_headers),
        *(json_split, sse_split, sse_crlf, sse_cr, sse_comments, sse_big_event, json_typed_stream),
        *(gzipped, trailers, early_hints, huge_headers, html_200, html_502, sse_invalid_utf8),
        *(content_length_too_long, content_length_too_short, redirect, error_event_first, error_event_after_text),
    )
}
SCENARIOS |= {
    "status_429": partial(status, code=429, kind="rate_limit_error"),
    "status_500": status,
    "status_503": partial(status, code=503),
    "status_529": partial(status, code=529, kind="overloaded_error"),
    "key_invalid": partial(status, code=401, kind="authentication_error", retry=False),
}
