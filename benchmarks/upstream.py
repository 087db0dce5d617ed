"""A Messages API that costs as little as Python can make it: what a proxy adds is all that is left to see.

The model's name says what is wanted: `bench-0-0` a whole answer, `bench-200-0` a stream of 200 text events at
once, `bench-20-200` one of 20 events with 200 ms between them, each carrying the moment it was sent.
"""

import argparse
import asyncio
import re
import time
from typing import cast

import httptools
import uvloop

_MODEL = re.compile(rb'"model":"bench-(\d+)-(\d+)"')
_TEXT = "The quick brown fox jumps over the lazy dog and says what it thinks of proxies. " * 8
_WHOLE = (
    '{"id":"msg_01XFDUDYJgAACzvnptvVoYEL","type":"message","role":"assistant","model":"bench-0-0","content":'
    f'[{{"type":"text","text":"{_TEXT}"}}],"stop_reason":"end_turn","stop_sequence":null,"usage":{{"input_tokens":95,'
    '"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":140,"service_tier":"standard"}}'
).encode()
_COMMON = (
    b"HTTP/1.1 200 OK\r\nrequest-id: req_011CSHoEeqs5C35K2UUqR7Fy\r\nanthropic-organization-id: 0\r\n"
    b"anthropic-ratelimit-requests-limit: 4000\r\nanthropic-ratelimit-requests-remaining: 3999\r\n"
)
_WHOLE_REPLY = _COMMON + b"content-type: application/json\r\ncontent-length: %d\r\n\r\n%s" % (len(_WHOLE), _WHOLE)
_STREAM_HEAD = _COMMON + b"content-type: text/event-stream; charset=utf-8\r\ntransfer-encoding: chunked\r\n\r\n"


def _chunk(name: str, data: str) -> bytes:
    event = f"event: {name}\ndata: {data}\n\n".encode()
    return b"%x\r\n%s\r\n" % (len(event), event)


_BEGIN = _chunk(
    "message_start",
    '{"type":"message_start","message":{"id":"msg_01","type":"message","role":"assistant","model":"bench","content":[],'
    '"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":95,"output_tokens":1}}}',
) + _chunk(
    "content_block_start",
    '{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}',
)
_END = (
    _chunk("content_block_stop", '{"type":"content_block_stop","index":0}')
    + _chunk(
        "message_delta",
        '{"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":140}}',
    )
    + _chunk("message_stop", '{"type":"message_stop"}')
    + b"0\r\n\r\n"
)


def _delta(text: str) -> bytes:
    data = f'{{"type":"content_block_delta","index":0,"delta":{{"type":"text_delta","text":"{text}"}}}}'
    return _chunk("content_block_delta", data)


_DELTA = _delta("some words ")


class Upstream(asyncio.Protocol):
    """One connection; requests on it come one after the other."""

    def __init__(self) -> None:
        self._parser = httptools.HttpRequestParser(self)
        self._body = b""
        self._pacing: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is of no common class

    def connection_lost(self, exc: Exception | None) -> None:
        if self._pacing is not None:
            self._pacing.cancel()

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_begin(self) -> None:
        self._body = b""

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        found = _MODEL.search(self._body)
        events, delay_ms = (int(found[1]), int(found[2])) if found else (0, 0)
        if not events:
            self._transport.write(_WHOLE_REPLY)
        elif not delay_ms:
            self._transport.write(_STREAM_HEAD + _BEGIN + _DELTA * events + _END)
        else:
            self._pacing = asyncio.create_task(self._pace(events, delay_ms / 1000))

    async def _pace(self, events: int, delay_seconds: float) -> None:
        self._transport.write(_STREAM_HEAD + _BEGIN)
        for _ in range(events):
            await asyncio.sleep(delay_seconds)
            self._transport.write(_delta(f"@{time.monotonic_ns()}@"))
        self._transport.write(_END)


async def _serve(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Upstream, "127.0.0.1", port, backlog=2048)
    await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    uvloop.run(_serve(parser.parse_args().port))
