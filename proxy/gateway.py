"""One request in, one reply out: finds what the path asks for and renders every refusal in the client's dialect.

The doors (`door.py` for ASGI, `api.py` for django-ninja) only translate between their server and this.
"""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass

import structlog

from proxy import catalogue, pipeline, relay, usage
from proxy.call import Headers, Inbound
from proxy.errors import Broken, ClientGone, NotFound, Refused
from proxy.runtime import Runtime
from proxy.steps import intake

log = structlog.get_logger(__name__)


_REFUSED_PATHS = {
    "/v1/messages/batches": "Message batches are not served by this gateway: their results live in the upstream's "
    "organisation. Send the requests one by one to /v1/messages.",
    "/v1/files": "Files are not served by this gateway: they live in the upstream's organisation. "
    "Send the content inline.",
    "/v1/skills": "Skills are not served by this gateway: they live in the upstream's organisation.",
}


@dataclass(slots=True)
class Reply:
    """What the door sends. A stream's body must be closed on every ending: its call settles then."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes | AsyncGenerator[bytes, None]


async def answer(inbound: Inbound, body: intake.Body, runtime: Runtime) -> Reply:
    """The reply to a request under /v1."""
    try:
        if inbound.method == "POST" and inbound.path in intake.ENDPOINTS:
            return await _call(inbound, body, runtime)
        if inbound.method in {"GET", "HEAD"} and (
            inbound.path == "/v1/models" or inbound.path.startswith("/v1/models/")
        ):
            return _json(200, await catalogue.answer(inbound, runtime), inbound)
        if inbound.method in {"GET", "HEAD"} and inbound.path == "/v1/usage":
            return _json(200, await usage.answer(inbound, runtime), inbound)
        if inbound.method in {"GET", "HEAD"} and inbound.path == "/v1/usage/status-line":
            return _text(await usage.status_line(inbound, runtime), inbound)
        raise _unknown(inbound)
    except Refused as refused:
        return refusal(refused, inbound)
    except ClientGone:
        raise
    except Exception:  # noqa: BLE001 - the one place where a defect becomes an answer
        return refusal(_broken(inbound), inbound)


async def _call(inbound: Inbound, body: intake.Body, runtime: Runtime) -> Reply:
    """Run the pipeline up to its first bytes: only then is the status known."""
    parts = pipeline.run(inbound, body, runtime)
    try:
        head = await anext(parts)
        assert isinstance(head, relay.Head)  # the pipeline's first item
        if head.is_stream:
            return Reply(head.status, _headers(head.headers, inbound), _stream(parts, inbound))
        whole = b"".join([part async for part in parts if isinstance(part, bytes)])
        return Reply(head.status, [*_headers(head.headers, inbound), _length(whole)], whole)
    except BaseException:
        await parts.aclose()
        raise


async def _stream(parts: AsyncGenerator[relay.Head | bytes, None], inbound: Inbound) -> AsyncGenerator[bytes, None]:
    """The pipeline's bytes; what it refuses from here on ends the stream as an `error` event."""
    async with aclosing(parts):
        try:
            async for part in parts:
                assert isinstance(part, bytes)  # the head was taken
                yield part
        except Refused as refused:
            yield relay.error_event(refused.body(inbound.request_id))
        except Exception:  # noqa: BLE001 - as in `answer`, for a stream that already runs
            yield relay.error_event(_broken(inbound).body(inbound.request_id))


def _broken(inbound: Inbound) -> Broken:
    """Log the exception being handled; the client learns the id to ask about."""
    log.exception("request failed by a defect", request_id=inbound.request_id)
    return Broken(f"The gateway failed to handle this request. Give its administrator the id {inbound.request_id}.")


def refusal(refused: Refused, inbound: Inbound) -> Reply:
    """A refusal as a JSON reply."""
    body = refused.body(inbound.request_id)
    headers = [(name.encode(), value.encode()) for name, value in refused.headers.items()]
    headers.append((b"content-type", b"application/json"))
    return Reply(refused.status, [*_headers(headers, inbound), _length(body)], body)


def _json(status: int, body: bytes, inbound: Inbound) -> Reply:
    return Reply(status, [*_headers([(b"content-type", b"application/json")], inbound), _length(body)], body)


def _text(body: bytes, inbound: Inbound) -> Reply:
    headers = _headers([(b"content-type", b"text/plain; charset=utf-8")], inbound)
    return Reply(200, [*headers, _length(body)], body)


def _headers(headers: Headers, inbound: Inbound) -> list[tuple[bytes, bytes]]:
    """With our own id beside the upstream's, or as `request-id` where no upstream gave one."""
    ours = inbound.request_id.encode()
    own = [(b"x-llmp-request-id", ours)]
    if not any(name == b"request-id" for name, _value in headers):
        own.append((b"request-id", ours))
    return [*headers, *own]


def _length(body: bytes) -> tuple[bytes, bytes]:
    return (b"content-length", str(len(body)).encode())


def _unknown(inbound: Inbound) -> NotFound:
    for prefix, message in _REFUSED_PATHS.items():
        if inbound.path == prefix or inbound.path.startswith(prefix + "/"):
            return NotFound(message)
    return NotFound(f"{inbound.method} {inbound.path} is not served here. See /protocol for what is.")
