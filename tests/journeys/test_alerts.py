"""From a call that crosses a threshold to a receiver that checks the signature; and a worker killed on the way."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.journeys.asking import ask
from tests.journeys.server import ROOT, Server, serving
from tests.proxy.alerts import receiver

pytestmark = pytest.mark.slow

_SECRET = "whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwA1b2C3d4E5f="
_CLAIM_RUNS_OUT = "from proxy.alerts.models import Delivery; Delivery.objects.update(claimed_until='2026-01-01T00:00Z')"


@contextmanager
def working(server: Server) -> Iterator[subprocess.Popen[bytes]]:
    """A background worker beside the server, killed at the end if it still lives."""
    options = ["--pool", "threads", "--concurrency", "1", "--beat", "--schedule", str(server.data_dir / "timetable")]
    command = [sys.executable, "-m", "celery", "--quiet", "-A", "proxy.celery", "worker", *options]
    with (server.data_dir / "worker.log").open("ab") as log:
        worker = subprocess.Popen(command, cwd=ROOT, env=server.env, stdout=log, stderr=log, start_new_session=True)
    try:
        yield worker
    finally:
        if worker.poll() is None:
            os.killpg(worker.pid, signal.SIGKILL)
        worker.wait()


def tenant(server: Server, url: str) -> str:
    """acme, whose budget of ten requests warns at one; its key."""
    server.env["PAGER"] = _SECRET
    channel = {"name": "pager", "kind": "webhook", "url": url, "secret_env": "PAGER"}
    budget = {"period": "total", "requests": 10, "alert_at": [10]}
    return server.tenant("acme", budgets=[budget], alerts=[channel])


def until(found: Callable[[], Any], log: Path) -> None:
    give_up_at = time.monotonic() + 90
    while not found():
        assert time.monotonic() < give_up_at, log.read_text()
        time.sleep(0.1)


@pytest.mark.parametrize("broker", ["embedded", "redis", "rabbitmq"])
def test_a_call_that_crosses_a_threshold_reaches_the_receiver(
    tmp_path: Path, broker: str, request: pytest.FixtureRequest
) -> None:
    settings = {} if broker == "embedded" else {"CELERY_BROKER_URL": request.getfixturevalue(f"{broker}_url")}
    with receiver.listening() as there, serving(tmp_path, **settings) as server, working(server):
        key = tenant(server, there.url)
        assert ask(server.url, key).status == 200
        until(lambda: there.received, tmp_path / "worker.log")
        got = there.received[0]
        message = orjson.loads(got.body)
        assert got.is_signed_by(_SECRET)
        assert (message["type"], message["data"]["spent"]) == ("budget.threshold", 1)
        assert [ask(server.url, key).status for _ in range(3)] == [200] * 3
        time.sleep(7)  # longer than the worker's turn: nothing comes a second time
        assert len(there.received) == 1


def test_a_worker_killed_between_sending_and_writing_it_down_sends_it_again(tmp_path: Path) -> None:
    arrived, release = threading.Event(), threading.Event()

    def hold(handler: BaseHTTPRequestHandler) -> None:
        arrived.set()
        release.wait(60)
        receiver.status(204)(handler)

    with receiver.listening(hold) as there, serving(tmp_path) as server:
        key = tenant(server, there.url)
        with working(server) as worker:
            assert ask(server.url, key).status == 200
            assert arrived.wait(90), (tmp_path / "worker.log").read_text()
            os.killpg(worker.pid, signal.SIGKILL)
        release.set()
        there.answer = receiver.status(204)
        server.manage("shell", "-v0", "-c", _CLAIM_RUNS_OUT)  # as it does after a minute
        with working(server):
            until(lambda: len(there.received) == 2, tmp_path / "worker.log")
        first, second = there.received
        assert first.headers["webhook-id"] == second.headers["webhook-id"]
        assert first.body == second.body and second.is_signed_by(_SECRET)
