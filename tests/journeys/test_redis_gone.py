"""Redis stops and comes back: rate limits go on in each process, money stays exact, and everybody is told."""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.journeys import asking
from tests.journeys.server import ROOT, Server, serving
from tests.services import process, redis

pytestmark = [pytest.mark.slow, pytest.mark.redis, pytest.mark.xdist_group("redis")]


def wait_until(is_true: Callable[[], bool], *, seconds: float) -> float:
    """How long it took; fails when it takes longer."""
    began = time.monotonic()
    while not is_true():
        assert time.monotonic() - began < seconds
        time.sleep(0.05)
    return time.monotonic() - began


def doctor(server: Server) -> str:
    """What the doctor, and with it the health page, says of Redis."""
    command = [sys.executable, "manage.py", "doctor", "--json"]
    done = subprocess.run(command, cwd=ROOT, env=server.env, capture_output=True, text=True, timeout=120)
    [found] = [finding for finding in json.loads(done.stdout)["checks"] if finding["name"] == "redis"]
    return str(found["level"])


def test_redis_gone_and_back(tmp_path: Path) -> None:
    try:
        store, url = redis.start(tmp_path)
    except process.NotAvailable as reason:
        pytest.skip(str(reason))
    port = int(url.rpartition(":")[2].partition("/")[0])
    with serving(tmp_path, "--workers", "2", REDIS_URL=url) as server:
        log = tmp_path / "server.log"
        limited = server.tenant("limited", limits={"rpm": 40})
        budgeted = server.tenant("budgeted", limits={"rpm": 6000}, budgets=[{"period": "total", "requests": 10}])
        assert asking.ask(server.url, limited).status == 200
        assert [asking.ask(server.url, budgeted).status for _ in range(3)] == [200] * 3
        assert doctor(server) == "ok"

        store.stop()
        wait_until(lambda: log.read_text().count("rate limits are kept in the process") == 2, seconds=15)
        statuses = [asking.ask(server.url, limited).status for _ in range(60)]
        # Each of the two processes keeps to its half; what refills meanwhile comes on top.
        assert set(statuses) == {200, 429} and statuses.count(200) <= 40 + 25
        # Money never was in Redis: not one call too many.
        assert [asking.ask(server.url, budgeted).status for _ in range(9)] == [200] * 7 + [429] * 2
        assert doctor(server) == "fail"

        store, _url = redis.start(tmp_path, port)
        try:
            took = wait_until(lambda: log.read_text().count("rate limits are shared again") >= 2, seconds=20)
            assert took <= 5
            assert doctor(server) == "ok"
        finally:
            store.stop()
