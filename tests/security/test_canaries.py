"""Secrets and texts are pushed through a real server in every way, then looked for in every byte it left behind."""

import json
import socketserver
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.journeys.asking import HELLO, ask
from tests.journeys.server import Server, serving

CREDENTIAL = "sk-canary-credential-5d2e8811aa"
PROMPT, ANSWER = "canary-of-a-prompt", "canary-of-an-answer"
_JSON = b"HTTP/1.1 %b\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n"
_STREAM = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"
_MESSAGE = {"type": "message", "content": [{"type": "text", "text": ANSWER}], "usage": {"output_tokens": 1}}
_TEXT = ANSWER.encode()
REPLIES = {
    "an answer": _JSON % b"200 OK" + json.dumps(_MESSAGE).encode(),
    "a broken answer": _JSON % b"200 OK" + b'{"text": "' + _TEXT,
    "an error of another shape": _JSON % b"500 Oops" + json.dumps([ANSWER, CREDENTIAL]).encode(),
    "a refused credential": _JSON % b"401 No" + json.dumps({"error": f"{CREDENTIAL} is wrong"}).encode(),
    "a page": b"HTTP/1.1 502 Oops\r\ncontent-type: text/html\r\nconnection: close\r\n\r\n<p>" + _TEXT,
    "a redirect": b"HTTP/1.1 302 Go\r\nlocation: http://x/" + CREDENTIAL.encode() + b"\r\ncontent-length: 0\r\n\r\n",
    "no HTTP": _TEXT * 5 + b"\r\n\r\n",
    "a bad header": b"HTTP/1.1 200 OK\r\n" + CREDENTIAL.encode() + b"\x00" + _TEXT + b": a\r\n\r\n",
    "half a stream": _STREAM + b'event: message_start\ndata: {"type":"message_start","message":{}}\n\ndata: ' + _TEXT,
    "an odd event": _STREAM + b"event: message_start\ndata: [" + _TEXT + b"]\n\n",
    "nothing": b"",
}


class _Handler(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        while self.rfile.readline() not in (b"\r\n", b""):
            pass
        self.wfile.write(self.server.reply)  # type: ignore[attr-defined]


class _Upstream(socketserver.ThreadingTCPServer):
    daemon_threads = True
    reply = b""


@pytest.fixture
def upstream() -> Iterator[_Upstream]:
    with _Upstream(("127.0.0.1", 0), _Handler) as listening:
        threading.Thread(target=listening.serve_forever, daemon=True).start()
        yield listening
        listening.shutdown()


def _body(**fields: object) -> dict[str, object]:
    return {**HELLO, "system": PROMPT, "messages": [{"role": "user", "content": PROMPT}], **fields}


def _push(server: Server, upstream: _Upstream, key: str) -> None:
    for reply in REPLIES.values():
        upstream.reply = reply
        for stream in (False, True):
            ask(server.url, key, _body(stream=stream))
        ask(server.url, key, path="/v1/models", method="GET")
    ask(server.url, key, _body(), x_llmp_dry_run="true")
    for wrong in (_body(max_tokens=PROMPT), _body(messages=[PROMPT]), _body(model="unknown"), {PROMPT: PROMPT}, PROMPT):
        ask(server.url, key, wrong)
    ask(server.url, key[:-1] + "!", _body())
    ask(server.url, "", _body(), path=f"/v1/messages?key={key}")
    ask(server.url, "", _body(), path=f"/{key}?key={key}")


@pytest.mark.slow
@pytest.mark.parametrize("fast_path", ["true", "false"])
def test_no_secret_and_no_text_is_left_in_files_logs_or_what_commands_print(
    tmp_path: Path, upstream: _Upstream, fast_path: str
) -> None:
    with serving(tmp_path, LLMP_FAST_PATH=fast_path, LLMP_LOG_LEVEL="DEBUG") as server:
        address = f"http://127.0.0.1:{upstream.server_address[1]}"
        main = {"name": "main", "kind": "anthropic", "base_url": address, "api_key": CREDENTIAL}
        key = server.tenant("acme", upstreams=[main])
        _push(server, upstream, key)
        printed = "".join(server.manage(*command) for command in (["export"], ["rotate_secrets"], ["verify_audit"]))
    left = {str(path): path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    left["printed"] = printed.encode()
    canaries = (key[5:], CREDENTIAL, PROMPT, ANSWER)
    assert [(name, canary) for name, data in left.items() for canary in canaries if canary.encode() in data] == []
    assert b"upstream failed" in left[str(tmp_path / "server.log")]
