"""Each fault that is planted in a server, or in front of it, gives the finding that names it."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from proxy.doctor import command, remote
from proxy.doctor.finding import Finding
from proxy.doctor.remote import messages
from proxy.doctor.remote.server import connect
from tenants import keys

ROOT = Path(__file__).parent.parent.parent.parent
KEY = keys.make()
PATHS = ["/v1/messages", "/v1/messages/count_tokens", "/v1/models"]
EVENTS = ["message_start", "content_block_start", "content_block_delta", "message_delta", "message_stop"]
Handler = Callable[[httpx.Request], httpx.Response]


def error(status: int, kind: str, message: str = "no") -> httpx.Response:
    headers = {"request-id": "req_1"} | ({"x-should-retry": "false"} if status == 401 else {})
    body = {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_1"}
    return httpx.Response(status, headers=headers, json=body)


def reply(value: Any) -> httpx.Response:
    return httpx.Response(200, headers={"request-id": "req_1"}, json=value)


def stream(names: list[str], *, last: str = "", pause: float = 0.0) -> httpx.Response:
    def parts() -> Iterator[bytes]:
        time.sleep(pause)
        for name in names:
            yield f"event: {name}\ndata: {{}}\n\n".encode()
        yield last.encode()

    return httpx.Response(200, headers={"content-type": "text/event-stream"}, content=parts())


def good(request: httpx.Request) -> httpx.Response:
    """A server without faults."""
    path = request.url.path
    if path in {"/", "/api/hello"}:
        return httpx.Response(200)
    if path == "/protocol":
        return reply({"protocol": "llm-proxy", "version": 1, "endpoints": [{"path": each} for each in PATHS]})
    given = {request.headers.get("x-api-key"), request.headers.get("authorization", "").removeprefix("Bearer ") or None}
    if given - {None} != {KEY}:
        return error(401, "authentication_error")
    if path == "/v1/models":
        return reply({"data": [{"id": "claude-x"}], "has_more": False, "first_id": "claude-x", "last_id": "claude-x"})
    body = json.loads(request.content)
    if path == "/v1/messages/count_tokens":
        return reply({"input_tokens": 7})
    return _message(request, body) if path == "/v1/messages" else error(404, "not_found_error")


def _message(request: httpx.Request, body: dict[str, Any]) -> httpx.Response:
    if "max_tokens" not in body:
        return error(400, "invalid_request_error", "max_tokens: Field required")
    if request.headers.get("x-llmp-dry-run"):
        return reply({"type": "dry_run", "would_send": {"body": body}})
    if body.get("stream"):
        return stream(EVENTS)
    usage = {"output_tokens": 3}
    return reply({"id": "msg_1", "model": "claude-x", "content": [], "stop_reason": "end_turn", "usage": usage})


def look(handler: Handler, url: str = "https://proxy.test") -> dict[str, Finding]:
    server = connect(url, KEY, httpx.MockTransport(handler))
    with server.client:
        return {finding.name: finding for finding in remote.check(server)}


def test_a_good_server_has_nothing_to_look_at() -> None:
    assert [finding for finding in look(good).values() if finding.level != "ok"] == []


def when(condition: Callable[[httpx.Request], bool], answer: Callable[[httpx.Request], httpx.Response]) -> Handler:
    return lambda request: answer(request) if condition(request) else good(request)


def path_is(path: str) -> Callable[[httpx.Request], bool]:
    return lambda request: request.url.path == path


def is_message(request: httpx.Request) -> bool:
    return request.url.path == "/v1/messages"


def is_streamed(request: httpx.Request) -> bool:
    return is_message(request) and b'"stream"' in request.content


def _unauthorized_without_advice(request: httpx.Request) -> httpx.Response:
    answer = good(request)
    answer.headers.pop("x-should-retry", None)
    return answer


def _without_request_id(request: httpx.Request) -> httpx.Response:
    answer = good(request)
    answer.headers.pop("request-id", None)
    return answer


def _any_key(request: httpx.Request) -> httpx.Response:
    request.headers["x-api-key"] = KEY
    request.headers.pop("authorization", None)
    return good(request)


def _only_api_key(request: httpx.Request) -> httpx.Response:
    request.headers.pop("authorization", None)
    return good(request)


def _edited(request: httpx.Request) -> httpx.Response:
    body = json.loads(request.content)
    body.pop("thinking", None)
    return reply({"type": "dry_run", "would_send": {"body": body}})


def _is_suspicious(request: httpx.Request) -> bool:
    return b"<script>" in request.content


def _is_large(request: httpx.Request) -> bool:
    return len(request.content) > 10**6


HTML = httpx.Response(403, headers={"content-type": "text/html"}, text="<html>Blocked by policy</html>")
REDIRECT = httpx.Response(301, headers={"location": "https://www.proxy.test/"})

FAULTS: list[tuple[Handler, str, str, str]] = [
    (when(path_is("/"), lambda _: REDIRECT), "HEAD /", "fail", "redirects to https://www.proxy.test/"),
    (when(path_is("/api/hello"), lambda _: httpx.Response(502)), "HEAD /api/hello", "fail", "HTTP 502"),
    (when(path_is("/protocol"), lambda _: httpx.Response(404)), "statement", "warn", "no /protocol"),
    (when(path_is("/protocol"), lambda _: reply({"protocol": "other"})), "statement", "fail", "not an LLM Proxy's"),
    (when(path_is("/v1/models"), lambda _: REDIRECT), "x-api-key", "fail", "redirects"),
    (when(path_is("/v1/models"), lambda _: reply({"object": "list", "data": []})), "x-api-key", "fail", "has_more"),
    (_without_request_id, "x-api-key", "fail", "request-id"),
    (_only_api_key, "Bearer", "fail", "HTTP 401"),
    (_only_api_key, "two different credentials", "fail", "HTTP 200 where 401 is due"),
    (_any_key, "wrong key", "fail", "HTTP 200 where 401 is due"),
    (_any_key, "no key", "fail", "HTTP 200 where 401 is due"),
    (_unauthorized_without_advice, "wrong key", "fail", "x-should-retry"),
    (when(path_is("/v1/doctor/no-such-path"), lambda _: HTML), "unknown path", "fail", "not JSON"),
    (when(path_is("/v1/messages/count_tokens"), lambda _: error(404, "x")), "count_tokens", "warn", "not served"),
    (when(path_is("/v1/messages/count_tokens"), lambda _: error(502, "api_error")), "count_tokens", "fail", "HTTP 502"),
    (when(is_message, lambda _: error(400, "api_error")), "refusals", "fail", "type is 'api_error'"),
    (when(lambda request: "x-llmp-dry-run" in request.headers, _edited), "unchanged bodies", "warn", "thinking"),
    (when(_is_suspicious, lambda _: HTML), "firewall", "fail", "Blocked by policy"),
    (
        when(lambda request: len(request.content) > 10**6, lambda _: httpx.Response(413)),
        "large bodies",
        "fail",
        "4 MiB",
    ),
    (when(is_message, lambda _: error(529, "overloaded_error", "busy")), "message", "fail", "HTTP 529: busy"),
    (when(is_message, lambda _: reply({"choices": []})), "message", "fail", "lacks id"),
    (when(is_streamed, lambda _: reply({})), "stream", "fail", "not an event stream"),
    (when(is_streamed, lambda _: stream(EVENTS[:-1])), "stream", "fail", "ends with ['message_delta']"),
    (when(is_streamed, lambda _: stream([])), "stream", "fail", "begins with []"),
    (when(is_streamed, lambda _: stream(EVENTS, last="data: [DONE]\n\n")), "stream", "fail", "[DONE]"),
    (
        when(is_streamed, lambda _: stream(EVENTS[:2], last='event: error\ndata: {"error": {"message": "gone"}}\n\n')),
        "stream",
        "fail",
        "broke off: gone",
    ),
]


@pytest.mark.parametrize(("handler", "name", "level", "words"), FAULTS)
def test_a_fault_is_found_under_its_name(handler: Handler, name: str, level: str, words: str) -> None:
    finding = look(handler)[name]
    assert (finding.level, words in finding.found) == (level, True), finding
    assert finding.remedy


def test_a_stream_that_comes_all_at_its_end_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(messages, "_LONG_SECONDS", 0.05)
    finding = look(when(is_streamed, lambda _: stream(EVENTS, pause=0.2)))["stream"]
    assert (finding.level, finding.found.startswith("held back")) == ("warn", True)


def test_a_public_address_without_tls_is_found() -> None:
    assert look(good, "http://proxy.test")["TLS"].level == "warn"
    assert look(good, "http://127.0.0.1:8000")["TLS"].level == "ok"


def test_no_finding_shows_the_key() -> None:
    def echo(request: httpx.Request) -> httpx.Response:
        return error(500, "api_error", "something else")

    shown = command.render([*look(good).values(), *look(echo).values()], as_json=True)[0]
    assert KEY not in shown


def test_a_server_that_does_not_answer_fails_every_check() -> None:
    def down(_request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("connection refused")

    assert {finding.level for finding in look(down).values()} == {"fail"}


def test_no_messages_asks_no_model() -> None:
    asked = []

    def note(request: httpx.Request) -> httpx.Response:
        if is_message(request) and "x-llmp-dry-run" not in request.headers and b"max_tokens" in request.content:
            asked.append(request)
        return good(request)

    server = connect("https://proxy.test", KEY, httpx.MockTransport(note))
    names = {finding.name for finding in remote.check(server, with_messages=False)}
    assert asked == []
    assert not names & {"message", "stream"}


class _Bridge(BaseHTTPRequestHandler):
    """The good server on a real socket."""

    def _answer(self) -> None:
        content = self.rfile.read(int(self.headers.get("content-length", 0)))
        url = f"http://127.0.0.1{self.path}"
        answer = good(httpx.Request(self.command, url, headers=list(self.headers.items()), content=content))
        body = answer.read()
        self.send_response_only(answer.status_code)
        for name, value in answer.headers.items():
            if name not in {"content-length", "transfer-encoding"}:
                self.send_header(name, value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(b"" if self.command == "HEAD" else body)

    do_GET = do_POST = do_HEAD = _answer

    def log_message(self, *_args: Any) -> None:
        """Stay quiet."""


def test_it_runs_without_settings_and_tells_by_its_exit_code() -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Bridge) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        url = f"http://127.0.0.1:{server.server_address[1]}"
        argv = [sys.executable, "-m", "proxy.doctor", "--url", url, "--json"]
        well = subprocess.run(argv, env={"LLMP_KEY": KEY}, cwd=ROOT, capture_output=True, text=True, timeout=60)
        ill = subprocess.run([*argv, "--key-stdin"], input="llmp_x", env={}, cwd=ROOT, capture_output=True, text=True)
        none = subprocess.run(argv, env={}, cwd=ROOT, capture_output=True, text=True)
        told = subprocess.run([*argv, "--key", KEY], env={}, cwd=ROOT, capture_output=True, text=True)
        server.shutdown()
        thread.join()
    assert (well.returncode, json.loads(well.stdout)["ok"], well.stderr) == (0, True, "")
    assert (ill.returncode, json.loads(ill.stdout)["ok"]) == (1, False)
    assert (none.returncode, none.stdout) == (2, "")
    assert "LLMP_KEY" in none.stderr
    assert json.loads(told.stdout)["checks"][0]["level"] == "warn"
    assert KEY not in told.stdout
