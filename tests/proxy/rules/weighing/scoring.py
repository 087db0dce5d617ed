"""A detector's server on this machine, that scores texts by a word, and remembers what it was sent."""

import hmac
import http.server
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class Scoring:
    """`word` scores 0.9, everything else 0.1. `answer` is said instead, where it is set."""

    def __init__(self, word: str = "poison") -> None:
        self.word = word
        self.asked: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.signed: list[bool] = []
        self.status = 200
        self.answer: bytes | None = None
        self.waits_seconds = 0.0
        self.url = ""

    @property
    def texts(self) -> list[str]:
        return [text for body in self.asked for text in body["texts"]]

    def take(self, headers: dict[str, str], raw: bytes) -> bytes:
        self.headers.append(headers)
        self.asked.append(json.loads(raw))
        credential = headers.get("authorization", "").removeprefix("Bearer ")
        signed = f"{headers.get('x-llmp-timestamp', '')}.".encode() + raw
        expected = "sha256=" + hmac.new(credential.encode(), signed, "sha256").hexdigest()
        self.signed.append(hmac.compare_digest(expected, headers.get("x-llmp-signature", "")))
        time.sleep(self.waits_seconds)
        scores = [0.9 if self.word in text else 0.1 for text in self.asked[-1]["texts"]]
        return json.dumps({"scores": scores}).encode() if self.answer is None else self.answer


@contextmanager
def scoring() -> Iterator[Scoring]:
    made = Scoring()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers["content-length"]))
            answer = made.take({name.lower(): value for name, value in self.headers.items()}, raw)
            self.send_response(made.status)
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_args: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.handle_error = lambda *_args: None  # type: ignore[method-assign]  # whoever asked was gone
    made.url = f"http://127.0.0.1:{server.server_port}/score"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
