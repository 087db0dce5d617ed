"""What a key is told of its own use: every limit and budget of its own and its tenant's, and where it went."""

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from asgiref.sync import sync_to_async
from django.db import DatabaseError, connections

from proxy.call import Budget, RateLimits
from proxy.ledger.usage_sums import UsageReader
from tests.proxy import build
from tests.proxy.ledger import calls
from tests.proxy.running import Gateway, running

pytestmark = pytest.mark.django_db(transaction=True)

KEY, TENANT = uuid4(), uuid4()
USD = 10**9


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Gateway]:
    async with running(tmp_path, caller=caller(), run=in_thread) as made:
        yield made
    await in_thread(connections.close_all)


async def in_thread(function: Callable[..., Any], *args: Any) -> Any:
    return await sync_to_async(function)(*args)


def caller(**more: Any) -> Any:
    return build.caller(key_id=KEY, tenant_id=TENANT, upstreams=[build.upstream(kind="simulator")], **more)


async def store(*, key: UUID = KEY, **fields: Any) -> None:
    fields.setdefault("started_at", datetime.now(UTC))
    await sync_to_async(calls.store)(TENANT, key_id=key, upstream_id=uuid4(), **fields)


async def usage(gateway: Gateway, query: str = "") -> Any:
    answer = await gateway.ask(method="GET", path="/v1/usage", query=query.encode())
    assert answer.status == 200, answer.body
    return answer.json()


async def line(gateway: Gateway, query: str = "") -> str:
    answer = await gateway.ask(method="GET", path="/v1/usage/status-line", query=query.encode())
    assert (answer.status, answer.headers["content-type"]) == (200, "text/plain; charset=utf-8")
    return answer.body.decode()


async def test_a_key_without_rules_and_calls_is_told_zeros(gateway: Gateway) -> None:
    told = await usage(gateway)
    assert told["key"] == {"name": "ci", "limits": [], "budgets": []}
    assert told["tenant"] == {"slug": "acme", "limits": [], "budgets": []}
    assert (told["used"]["requests"], told["used"]["cost_usd"], told["used"]["by_model"]) == (0, 0, [])
    assert await line(gateway) == "$0 in 7 days"


async def test_every_limit_says_what_is_left_and_asking_takes_nothing(gateway: Gateway) -> None:
    own, shared = RateLimits(requests=5, concurrency=2, output_tokens=9000), RateLimits(requests=50, count_tokens=100)
    gateway.admit(caller(limits=own, tenant_limits=shared))
    assert (await gateway.ask()).status == 200
    for _ in range(3):
        told = await usage(gateway)
    left = {limit["limit"]: (limit["amount"], limit["left"]) for limit in told["key"]["limits"]}
    assert left["rpm"] == (5, 4) and left["concurrency"] == (2, 2)
    assert left["output_tpm"][0] == 9000 and 8000 < left["output_tpm"][1] <= 9000
    theirs = {limit["limit"]: limit["left"] for limit in told["tenant"]["limits"]}
    assert theirs == {"rpm": 49, "count_tokens_rpm": 100}


async def test_budgets_say_spent_held_and_left_apart_in_dollars(gateway: Gateway) -> None:
    gateway.admit(
        caller(
            budgets=[Budget(KEY, "usd", "month", 20 * USD, True)],
            tenant_budgets=[Budget(TENANT, "requests", "day", 10, False)],
        )
    )
    await store(cost_nano_usd=5 * USD)
    await store(cost_nano_usd=3 * USD, key=uuid4())
    told = await usage(gateway)
    [mine], [shared] = told["key"]["budgets"], told["tenant"]["budgets"]
    assert {name: mine[name] for name in ("unit", "amount", "spent", "held", "left", "utilization")} == {
        "unit": "usd",
        "amount": 20,
        "spent": 5,
        "held": 0,
        "left": 15,
        "utilization": 0.25,
    }
    assert (shared["spent"], shared["left"], shared["on_exceed"]) == (2, 8, "warn")
    assert datetime.fromisoformat(mine["resets_at"]) > datetime.now(UTC)
    assert await line(gateway, "session=s") == f"$0 this session · $5 of $20 for {datetime.now(UTC):%B} (25%)"


async def test_what_calls_under_way_hold_is_told(gateway: Gateway) -> None:
    gateway.admit(caller(budgets=[Budget(KEY, "requests", "total", 10, True)]))
    assert (await gateway.ask()).status == 200  # settled in the journal, which nobody reads here: held still
    [budget] = (await usage(gateway))["key"]["budgets"]
    assert (budget["spent"], budget["held"], budget["left"], budget["resets_at"]) == (0, 1, 9, None)


async def test_use_is_told_by_model_day_session_and_subagent(gateway: Gateway) -> None:
    now = datetime.now(UTC)
    await store(model_asked="claude-opus-5", session_id="s1", cost_nano_usd=4 * USD, output_tokens=7)
    await store(model_asked="claude-haiku-4-5", session_id="s1", agent_id="a1", cost_nano_usd=1 * USD)
    await store(model_asked="claude-opus-5", session_id="s2", cost_nano_usd=2 * USD, started_at=now - timedelta(days=1))
    await store(model_asked="claude-opus-5", cost_nano_usd=9 * USD, key=uuid4())
    await store(model_asked="claude-opus-5", cost_nano_usd=9 * USD, state="started")
    await store(model_asked="claude-opus-5", cost_nano_usd=9 * USD, started_at=now - timedelta(days=40))
    used = (await usage(gateway))["used"]
    assert (used["requests"], used["cost_usd"]) == (3, 7)
    assert used["by_model"][0].keys() == {"model", "requests", "cost_usd"} | {
        f"{kind}_tokens" for kind in ("input", "output", "cache_write", "cache_read")
    }
    assert [(row["model"], row["cost_usd"]) for row in used["by_model"]] == [
        ("claude-opus-5", 6),
        ("claude-haiku-4-5", 1),
    ]
    assert [(row["day"], row["cost_usd"]) for row in used["by_day"]] == [
        (str((now - timedelta(days=1)).date()), 2),
        (str(now.date()), 5),
    ]
    first, second = used["by_session"]
    assert (first["session_id"], first["cost_usd"], second["session_id"]) == ("s1", 5, "s2")
    assert [(row["agent_id"], row["cost_usd"]) for row in first["by_agent"]] == [("a1", 1)]
    assert (await usage(gateway, "session=s2&days=2"))["used"]["cost_usd"] == 2
    assert await line(gateway, "session=s1") == "$5 this session"


@pytest.mark.parametrize("query", ["days=0", "days=32", "days=x", "days=99999999999", "days=%C2%B2", "tenant=globex"])
async def test_a_wrong_question_is_refused_by_its_name(gateway: Gateway, query: str) -> None:
    answer = await gateway.ask(method="GET", path="/v1/usage", query=query.encode())
    assert answer.status == 400
    assert answer.json()["error"]["message"].startswith(query.partition("=")[0] + ": ")


async def test_a_key_without_the_scope_is_told_nothing(gateway: Gateway) -> None:
    gateway.admit(caller(scopes=["messages"]))
    for path in ("/v1/usage", "/v1/usage/status-line"):
        assert (await gateway.ask(method="GET", path=path)).status == 403


async def test_without_the_database_it_says_so(gateway: Gateway) -> None:
    async def down(*_: object) -> None:
        raise DatabaseError

    object.__setattr__(gateway.runtime, "usage", UsageReader(down))
    answer = await gateway.ask(method="GET", path="/v1/usage")
    assert answer.status == 503 and answer.headers["retry-after"]
