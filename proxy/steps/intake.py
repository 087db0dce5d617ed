"""Rewrite: the bytes of a request's body become a Call, or the refusal that names the field."""

import time
from collections.abc import Awaitable, Callable, Hashable

from proxy.call import Call, Caller, Inbound, Trace
from proxy.errors import InvalidRequest
from proxy.formats import messages
from proxy.formats.document import Document, Malformed

Body = Callable[[Hashable], Awaitable[bytes]]
"""Reads a request's body at the door, into memory that counts as this owner's. Raises Refused, ClientGone."""

ENDPOINTS = {"/v1/messages": "messages", "/v1/messages/count_tokens": "count_tokens"}


async def receive(inbound: Inbound, caller: Caller, body: Body, trace: Trace) -> Call:
    """The call that a request makes. Raises InvalidRequest, and what the door refuses."""
    started = time.perf_counter()
    if not inbound.get(b"anthropic-version"):
        raise InvalidRequest("anthropic-version: header is required")
    raw = await body(caller.key_id)
    trace.note("receive", started, bytes=len(raw))
    started = time.perf_counter()
    endpoint = ENDPOINTS[inbound.path]
    document = _checked(raw, endpoint)
    trace.note("check", started)
    return Call(
        inbound=inbound,
        caller=caller,
        endpoint=endpoint,
        document=document,
        model=str(document.get("model")),
        is_streaming=document.get("stream") is True,
        is_dry_run=_is_true(inbound.get(b"x-llmp-dry-run")),
        trace=trace,
    )


def _checked(raw: bytes, endpoint: str) -> Document:
    try:
        document = Document.parse(raw)
        messages.check(document, endpoint=endpoint)
    except (Malformed, messages.InvalidField) as wrong:
        raise InvalidRequest(str(wrong)) from None
    return document


def _is_true(text: str) -> bool:
    value = text.strip().lower()
    if value in {"", "false", "0"}:
        return False
    if value in {"true", "1"}:
        return True
    raise InvalidRequest("x-llmp-dry-run: must be true or false")
