"""Two real answers of a model, one whole and one streamed."""

import json
import time
from collections.abc import Iterator

import httpx

from proxy.doctor.remote.server import Doubt, Server, expect, json_of

_PATH = "/v1/messages"
_LONG_SECONDS = 1.0
_REMEDY = "Run `manage.py doctor` on the server: it looks at the upstreams."


def whole(server: Server) -> str:
    """A message in one piece, asked as Claude Code asks."""
    started = time.perf_counter()
    reply = server.client.post(_PATH, params={"beta": "true"}, headers=server.headers(), json=server.question())
    told = json_of(reply)
    message = told.get("error", {}).get("message", "")
    expect(reply.status_code == 200, f"HTTP {reply.status_code}: {message}", _REMEDY)
    missing = [name for name in ("id", "content", "stop_reason", "usage") if name not in told]
    expect(not missing, f"the answer lacks {', '.join(missing)}", "Ask the upstream's operator: it is no message.")
    expect("request-id" in reply.headers, "no request-id header", "Let response headers pass.")
    tokens = told["usage"].get("output_tokens")
    return f"{tokens} tokens of {told.get('model')} in {time.perf_counter() - started:.1f} s"


def streamed(server: Server) -> str:
    """A stream: its events complete, in order, and sent when they are made."""
    question = server.question("Count from 1 to 30, one number a line.", stream=True, max_tokens=128)
    started = time.perf_counter()
    with server.client.stream("POST", _PATH, params={"beta": "true"}, headers=server.headers(), json=question) as reply:
        if reply.status_code != 200 or "text/event-stream" not in reply.headers.get("content-type", ""):
            reply.read()
            message = json_of(reply).get("error", {}).get("message", "it is not an event stream")
            expect(False, f"HTTP {reply.status_code}: {message}", _REMEDY)
        events = [(name, time.perf_counter() - started) for name in _events(reply)]
    _check_order([name for name, _at in events])
    return _check_timing([at for _name, at in events])


def _events(reply: httpx.Response) -> Iterator[str]:
    """The name of each event, when its line comes. An `error` event ends the check."""
    name = ""
    for line in reply.iter_lines():
        if line.startswith("event:"):
            name = line.removeprefix("event:").strip()
            yield name
        elif line.startswith("data:"):
            data = line.removeprefix("data:").strip()
            expect(data != "[DONE]", "it ends with [DONE], which is OpenAI's", "The upstream is no Messages API.")
            expect(name != "error", f"it broke off: {_error(data)}", _REMEDY)


def _check_order(names: list[str]) -> None:
    remedy = "Something between cuts or rewrites the stream: let text/event-stream pass as it is."
    expect(names[:1] == ["message_start"], f"it begins with {names[:1]} instead of message_start", remedy)
    expect(names[-1:] == ["message_stop"], f"it ends with {names[-1:]} instead of message_stop", remedy)
    expect("message_delta" in names, "it has no message_delta: no stop reason, no usage", remedy)


def _check_timing(times: list[float]) -> str:
    """A long answer whose events all come at its end was held back by somebody."""
    first, last = times[0], times[-1]
    found = f"{len(times)} events, the first after {first * 1000:.0f} ms, the last after {last * 1000:.0f} ms"
    if last < _LONG_SECONDS:
        return f"{found}: too quick to tell whether they are held back"
    if last - first < last / 20:
        raise Doubt(f"held back: {found}", "Turn buffering off in front of the proxy (nginx: proxy_buffering off).")
    return found


def _error(data: str) -> str:
    try:
        return str(json.loads(data)["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return "an error event without a message"
