"""Budgets over HTTP: never exceeded however many ask at once, used to the end, settled when a process is killed."""

import json
import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.journeys import asking
from tests.journeys.server import Server, serving

_ROUNDS = 20
# What the database says once nothing is under way: calls that reached an upstream, windows, and what they should hold.
_STATE = (
    "import json, time\n"
    "from proxy.ledger.budgets import counting\n"
    "from proxy.models import BudgetWindow as W, Reservation as R, UsageRecord as U\n"
    "for _ in range(100):\n"
    "    if not R.objects.exists() and not U.objects.filter(state='started').exists(): break\n"
    "    time.sleep(0.1)\n"
    "print(json.dumps({'asked': U.objects.exclude(upstream_id=None).count(), 'reserved': R.objects.count(),\n"
    "    'states': sorted(set(U.objects.values_list('state', flat=True))),\n"
    "    'windows': [[w.unit, w.spent, w.held, counting.spent(w)] for w in W.objects.all()]}))"
)


def state(server: Server) -> Any:
    return json.loads(server.manage("shell", "-v0", "-c", _STATE))


def spent(server: Server, unit: str) -> int:
    """What the windows of the unit say; that nothing is held, and that the records say the same."""
    found = state(server)
    assert found["reserved"] == 0
    mine = [window for window in found["windows"] if window[0] == unit]
    for _unit, counted, held, recounted in mine:
        assert (held, counted) == (0, recounted)
    return int(mine[0][1])


def test_a_budget_in_the_file_holds_and_its_change_counts_within_a_second(server: Server) -> None:
    budgets = [{"period": "day", "requests": 2, "on_exceed": "block"}]
    key = server.tenant("budgeted", timezone="Europe/Rome", keys=[{"name": "ci", "budgets": budgets}])
    answers = [asking.ask(server.url, key) for _ in range(3)]
    assert [answer.status for answer in answers] == [200, 200, 429]
    assert answers[1].headers["anthropic-ratelimit-unified-5h-utilization"] == "1.0000"
    error = answers[2].json()["error"]
    assert error["type"] == "billing_error"
    assert error["message"].startswith("This key has used its 2 requests for today. It resets on ")
    assert "00:00 Europe/Rome" in error["message"]

    counted = {name: value for name, value in asking.HELLO.items() if name != "max_tokens"}
    assert asking.ask(server.url, key, counted, path="/v1/messages/count_tokens").status == 200

    server.apply({"slug": "budgeted", "keys": [{"name": "ci", "budgets": [{"period": "day", "requests": 3}]}]})
    time.sleep(1)
    assert [asking.ask(server.url, key).status for _ in range(2)] == [200, 429]


def test_a_budget_that_is_cut_ends_its_running_stream_as_at_max_tokens(server: Server) -> None:
    key = server.tenant("cut", budgets=[{"period": "month", "usd": 100}])
    text = "#simulate tokens=4000 delay_ms=20"
    body = {**asking.HELLO, "max_tokens": 4000, "stream": True, "messages": [{"role": "user", "content": text}]}
    with ThreadPoolExecutor(1) as threads:
        running = threads.submit(asking.ask, server.url, key, body)
        time.sleep(1.5)
        server.apply({"slug": "cut", "budgets": [{"period": "month", "usd": 0.0001}]})
        cut_at = time.monotonic()
        answer = running.result()
    assert time.monotonic() - cut_at < 15 and answer.status == 200
    names = [line for line in answer.body.splitlines() if line.startswith(b"event: ")]
    assert names[-3:] == [b"event: content_block_stop", b"event: message_delta", b"event: message_stop"]
    assert b'"stop_reason":"max_tokens"' in answer.body
    assert asking.ask(server.url, key).json()["error"]["type"] == "billing_error"


@pytest.mark.slow
@pytest.mark.parametrize("store", ["sqlite", "postgresql", "redis"])
def test_two_hundred_at_once_reach_the_upstream_fifty_times(
    store: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Twenty rounds on four processes, with limits that are in Redis where that is the store."""
    settings = {}
    if store == "postgresql":
        settings["DATABASE_URL"] = request.getfixturevalue("postgres_database")
    if store == "redis":
        settings["REDIS_URL"] = request.getfixturevalue("redis_url")
    with serving(tmp_path, "--workers", "4", **settings) as several:
        tenants = [
            {
                "slug": f"round-{number}",
                "budgets": [{"period": "total", "requests": 50}, {"period": "month", "usd": 1000}],
                "limits": {"rpm": 100_000, "concurrency": 1000},
                "upstreams": [{"name": "main", "kind": "simulator"}],
                "keys": [{"name": "ci"}],
            }
            for number in range(_ROUNDS)
        ]
        with ThreadPoolExecutor(50) as threads:
            for key in several.apply(*tenants).values():
                ask = partial(asking.ask, several.url, key)
                statuses = list(threads.map(lambda _, ask=ask: ask().status, range(200)))
                assert {status: statuses.count(status) for status in set(statuses)} == {200: 50, 429: 150}
        found = state(several)
    assert (found["reserved"], found["asked"], found["states"]) == (0, 50 * _ROUNDS, ["completed", "refused"])
    requests = [(spent, held, counted) for unit, spent, held, counted in found["windows"] if unit == "requests"]
    assert requests == [(50, 0, 50)] * _ROUNDS
    money = [(spent, held, counted) for unit, spent, held, counted in found["windows"] if unit == "usd"]
    assert len(money) == _ROUNDS and all(held == 0 and spent == counted > 0 for spent, held, counted in money)


@pytest.mark.slow
def test_fifty_that_ask_for_much_and_use_little_use_nine_tenths_before_the_first_refusal(tmp_path: Path) -> None:
    """As Claude Code does: 128,000 tokens asked for, some hundreds used, many at once."""
    body = {
        "model": "claude-sonnet-5-5",
        "max_tokens": 128_000,
        "stream": True,
        "messages": [{"role": "user", "content": "#simulate tokens=400 delay_ms=1\n" + "context " * 500}],
    }
    budget_usd = 6
    with serving(tmp_path, "--workers", "2") as server:
        key = server.tenant("acme", budgets=[{"period": "month", "usd": budget_usd}])
        refused_at: list[float] = []
        began = time.monotonic()

        def ask_until_refused(_number: int) -> int:
            answered = 0
            while not refused_at and time.monotonic() - began < 240:
                reply = asking.ask(server.url, key, body)
                if reply.status == 429:
                    assert reply.json()["error"]["type"] == "billing_error"
                    refused_at.append(time.monotonic())
                answered += reply.status == 200
            return answered

        with ThreadPoolExecutor(50) as threads:
            answered = sum(threads.map(ask_until_refused, range(50)))
        assert refused_at and answered > 100
        used = spent(server, "usd")
    assert 0.9 * budget_usd * 10**9 <= used <= budget_usd * 10**9


@pytest.mark.slow
def test_a_killed_process_leaves_nothing_held_and_all_it_used_spent(tmp_path: Path) -> None:
    text = "#simulate tokens=3000 delay_ms=20"
    body = {**asking.HELLO, "max_tokens": 4000, "stream": True, "messages": [{"role": "user", "content": text}]}
    with serving(tmp_path) as server:
        key = server.tenant("acme", budgets=[{"period": "month", "usd": 100}, {"period": "day", "requests": 1000}])
        streams = [asking.open_request(server.url, key, body) for _ in range(100)]
        for stream in streams:
            assert stream.recv(20)
        time.sleep(2)
        os.killpg(server.process.pid, signal.SIGKILL)
        for stream in streams:
            stream.close()
    with serving(tmp_path, migrate=False) as server:
        assert spent(server, "requests") == 100
        assert spent(server, "usd") > 0
        assert state(server)["states"] == ["interrupted"]
