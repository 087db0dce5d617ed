"""SIGTERM at a running server: unready at once, served while balancers look, then ended with a word."""

import json
import os
import signal
import socket
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from tests.journeys.asking import HELLO, ask, open_request
from tests.journeys.server import Server, serving

pytestmark = pytest.mark.slow

SLOW = {
    **HELLO,
    "max_tokens": 5000,
    "messages": [{"role": "user", "content": "#simulate tokens=4000 delay_ms=50"}],
}
_SHOW = (
    "from proxy.models import UsageRecord as U\n"
    "import json\n"
    "print(json.dumps({r.id: [r.state, r.status, r.error_type, r.is_usage_estimated, r.output_tokens > 0]"
    " for r in U.objects.all()}))"
)


def is_ready(server: Server) -> bool:
    try:
        with urllib.request.urlopen(f"{server.url}/readyz", timeout=5) as answer:
            return bool(answer.status == 200)
    except urllib.error.HTTPError as error:
        assert error.code == 503
        return False


@pytest.mark.parametrize(
    ("fast_path", "workers"), [("true", "1"), ("false", "1"), ("true", "2")], ids=["beside", "through", "two-workers"]
)
def test_a_server_that_is_told_to_stop_goes_in_order(tmp_path: Path, fast_path: str, workers: str) -> None:
    settings = {"LLMP_FAST_PATH": fast_path, "LLMP_DRAIN_SECONDS": "3", "LLMP_SHUTDOWN_SECONDS": "1"}
    with serving(tmp_path, "--workers", workers, **settings) as server:
        key = server.tenant("stopping")
        streaming = open_request(server.url, key, {**SLOW, "stream": True})
        waiting = open_request(server.url, key, SLOW)
        head = streaming.recv(4096)
        assert is_ready(server)
        told_at = time.monotonic()
        os.kill(server.process.pid, signal.SIGTERM)
        while is_ready(server):
            assert time.monotonic() - told_at < 2
            time.sleep(0.05)
        late = ask(server.url, key)
        assert (late.status, late.headers["connection"]) == (200, "close")
        seen = head + read_to_the_end(streaming)
        refused = read_to_the_end(waiting)
        server.process.wait(15)
    assert b"event: error\n" in seen and b"overloaded_error" in seen
    assert seen.endswith(b"0\r\n\r\n")
    assert refused.startswith(b"HTTP/1.1 529 ") and b"overloaded_error" in refused
    records = json.loads(server.manage("shell", "-v0", "-c", _SHOW))
    assert records[request_id(seen)] == ["interrupted", 200, "interrupted", True, True]
    assert records[request_id(refused)][:3] == ["interrupted", 529, "interrupted"]
    assert [state for state, *_ in records.values()].count("completed") == 1


def read_to_the_end(connection: socket.socket) -> bytes:
    seen = b""
    with connection:
        while piece := connection.recv(65536):
            seen += piece
    return seen


def request_id(answer: bytes) -> str:
    head = answer.partition(b"\r\n\r\n")[0].decode().lower().split("\r\n")
    return next(line.split(": ")[1] for line in head if line.startswith("x-llmp-request-id"))


def test_ctrl_c_does_not_wait_for_balancers(tmp_path: Path) -> None:
    with serving(tmp_path, LLMP_DRAIN_SECONDS="60") as server:
        server.process.send_signal(signal.SIGINT)
        server.process.wait(10)


def test_a_client_that_hangs_up_before_is_still_called_cancelled(tmp_path: Path) -> None:
    with serving(tmp_path, LLMP_DRAIN_SECONDS="2", LLMP_SHUTDOWN_SECONDS="5") as server:
        key = server.tenant("stopping")
        streaming = open_request(server.url, key, {**SLOW, "stream": True})
        seen = streaming.recv(4096)
        server.process.send_signal(signal.SIGTERM)
        time.sleep(0.5)
        streaming.close()
        server.process.wait(15)
    records = json.loads(server.manage("shell", "-v0", "-c", _SHOW))
    assert records[request_id(seen)][0] == "cancelled"
