"""Who switches privacy on while a server runs finds its workers ready before the first request."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.journeys.asking import HELLO, ask
from tests.journeys.server import Server, serving

_PATIENCE_SECONDS = 60


def workers(server: Server) -> int:
    """How many processes look for personal data, among those of this server."""
    commands = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if _is_ours(path.parent, server)]
    return sum(b"privacy.detection.worker" in command for command in commands)


def _is_ours(process: Path, server: Server) -> bool:
    try:
        return f"PPid:\t{server.process.pid}\n" in (process / "status").read_text()
    except OSError:  # it has ended
        return False


def wait(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + _PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.05)


@pytest.mark.slow
def test_workers_start_with_the_setting_and_not_with_the_first_request(tmp_path: Path) -> None:
    with serving(tmp_path, LLMP_DETECTION_WORKERS="2") as server:
        key = server.tenant("late", pii={"mode": "off"})
        assert ask(server.url, key, HELLO).status == 200
        assert workers(server) == 0
        server.apply({"slug": "late", "pii": {"mode": "pseudonymize"}})
        wait(lambda: workers(server) == 2)
        reply = ask(server.url, key, {**HELLO, "messages": [{"role": "user", "content": "I am Jane Doe."}]})
        assert (reply.status, reply.headers["x-llmp-pii"]) == (200, "PERSON=1")
