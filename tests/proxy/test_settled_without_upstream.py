"""What never reaches an upstream, or is stopped by a rule, leaves no reservation either, and costs what it used."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from asgiref.sync import sync_to_async
from django.db import connections

from proxy import gateway as gateways
from proxy.call import Budget, CacheRules
from proxy.ledger.budgets import counting, reconciling
from proxy.ledger.budgets.accounts import Accounts
from proxy.ledger.consumer import Consumer
from proxy.models import BudgetWindow, Reservation, UsageRecord
from proxy.rules import compiling
from tests.proxy import build
from tests.proxy.repeating import USAGE, RepeatingUpstream
from tests.proxy.running import KEY, Gateway, running

pytestmark = pytest.mark.django_db(transaction=True)

USD = 10**9
ONE_AT_A_TIME = CacheRules(secret=b"s", is_single_flight=True)
POISON = {"name": "asked", "on": ["request"], "match": {"keywords": ["poison"]}, "action": "block", "message": "No."}
BOMB = {"name": "answered", "on": ["response"], "match": {"keywords": ["bomb"]}, "action": "block", "message": "No."}


async def in_thread(function: Callable[..., Any], *args: Any) -> Any:
    return await sync_to_async(function)(*args)


def budgeted(*rules: dict[str, Any], amount: int = USD, **more: Any) -> Any:
    tenant, key = uuid4(), uuid4()
    return build.caller(
        tenant_id=tenant,
        key_id=key,
        policy=compiling.compiled({}, {"rules": list(rules)}) if rules else None,
        budgets=[Budget(key, "usd", "month", amount, True)],
        tenant_budgets=[Budget(tenant, "requests", "total", 100_000, True)],
        **more,
    )


async def ask(gateway: Gateway, id: str, text: str, *, stream: bool = False, dry: bool = False) -> int:
    """One call with an id of its own, read to its end: its status."""
    body = {**build.HELLO, "stream": stream, "messages": [{"role": "user", "content": text}]}
    headers = [KEY, (b"x-llmp-dry-run", b"true")] if dry else [KEY]

    async def read(_owner: object) -> bytes:
        return json.dumps(body).encode()

    reply = await gateways.answer(replace(build.inbound(headers=headers), request_id=id), read, gateway.runtime)
    if not isinstance(reply.body, bytes):
        async for _piece in reply.body:
            pass
    return reply.status


async def settled(gateway: Gateway) -> dict[str, str]:
    """How each call ended, once the journal is in the database and no budget holds anything."""
    journal, accounts = gateway.runtime.journal, gateway.runtime.accounts
    consumer = Consumer(journal.directory, journal.name, leased=accounts.holds, on_closed=accounts.settled)
    await in_thread(consumer.drain)
    states: dict[str, str] = await in_thread(_states)
    await in_thread(connections.close_all)
    return states


def _states() -> dict[str, str]:
    of_calls = Reservation.objects.exclude(call_id__startswith="lease:")
    assert not of_calls.exists()
    assert all(window.spent == counting.spent(window) for window in BudgetWindow.objects.all())
    assert list(reconciling.reconcile(fix=False)) == []
    return dict(UsageRecord.objects.values_list("id", "state"))


def requests_spent() -> int:
    return sum(BudgetWindow.objects.filter(unit="requests").values_list("spent", flat=True))


@pytest.mark.parametrize("stream", [False, True])
async def test_what_a_rule_keeps_back_reserves_and_costs_nothing(tmp_path: Path, stream: bool) -> None:
    async with running(tmp_path, transport=RepeatingUpstream(), run=in_thread) as gateway:
        gateway.admit(budgeted(POISON))
        await ask(gateway, "a", "poison", stream=stream)
        assert await settled(gateway) == {"a": "refused"}
        assert await in_thread(requests_spent) == 0


@pytest.mark.parametrize("stream", [False, True])
async def test_an_answer_that_a_rule_stops_is_paid_for_and_holds_nothing(tmp_path: Path, stream: bool) -> None:
    async with running(tmp_path, transport=RepeatingUpstream(), run=in_thread) as gateway:
        gateway.admit(budgeted(BOMB))
        await ask(gateway, "a", "It was a bomb, they said", stream=stream)
        assert await settled(gateway) == {"a": "failed"}
        assert await in_thread(requests_spent) == 1
        record = await in_thread(UsageRecord.objects.get)
        assert record.input_tokens == USAGE["input_tokens"]


async def test_a_kept_answer_costs_nothing(tmp_path: Path) -> None:
    async with running(tmp_path, transport=RepeatingUpstream(), run=in_thread) as gateway:
        gateway.admit(budgeted(cache=CacheRules(secret=b"s")))
        for id in ("miss", "hit", "streamed"):
            assert await ask(gateway, id, "hello", stream=id == "streamed") == 200
        assert set((await settled(gateway)).values()) == {"completed"}
        assert await in_thread(requests_spent) == 1


async def test_who_waits_for_anothers_answer_holds_and_costs_nothing(tmp_path: Path) -> None:
    upstream = RepeatingUpstream()
    upstream.wait.clear()
    async with running(tmp_path, transport=upstream, run=in_thread) as gateway:
        gateway.admit(budgeted(cache=ONE_AT_A_TIME))
        asking = [asyncio.create_task(ask(gateway, f"call{number}", "hello")) for number in range(4)]
        await upstream.is_asked.wait()
        await asyncio.sleep(0.05)
        assert await in_thread(Reservation.objects.count) == 2  # one call's, of two budgets
        upstream.wait.set()
        assert await asyncio.gather(*asking) == [200] * 4
        assert len(await settled(gateway)) == 4
        assert await in_thread(requests_spent) == 1


async def test_who_leaves_while_it_waits_for_anothers_answer_holds_nothing(tmp_path: Path) -> None:
    upstream = RepeatingUpstream()
    upstream.wait.clear()
    async with running(tmp_path, transport=upstream, run=in_thread) as gateway:
        gateway.admit(budgeted(cache=ONE_AT_A_TIME))
        first = asyncio.create_task(ask(gateway, "first", "hello"))
        await upstream.is_asked.wait()
        second = asyncio.create_task(ask(gateway, "second", "hello"))
        await asyncio.sleep(0.05)
        second.cancel()
        await asyncio.gather(second, return_exceptions=True)
        upstream.wait.set()
        assert await first == 200
        assert await settled(gateway) == {"first": "completed", "second": "cancelled"}
        assert await in_thread(requests_spent) == 1


async def test_a_dry_run_holds_and_costs_nothing(tmp_path: Path) -> None:
    async with running(tmp_path, transport=RepeatingUpstream(), run=in_thread) as gateway:
        gateway.admit(budgeted())
        await ask(gateway, "a", "hello", dry=True)
        assert await settled(gateway) == {"a": "dry_run"}
        assert await in_thread(requests_spent) == 0


async def test_calls_of_a_busy_process_settle_out_of_its_lease(tmp_path: Path) -> None:
    accounts = Accounts(in_thread, process="web")
    async with running(tmp_path, transport=RepeatingUpstream(), run=in_thread, accounts=accounts) as gateway:
        gateway.admit(budgeted(amount=1000 * USD))
        for number in range(30):
            assert await ask(gateway, f"call{number}", "hello", stream=number % 2 == 0) == 200
        assert accounts.holds, "some were given out of a lease"
        assert set((await settled(gateway)).values()) == {"completed"}
        assert await in_thread(requests_spent) == 30
        await asyncio.sleep(0)
        assert not accounts.holds
        assert accounts.leases is not None
        async with asyncio.timeout(20):
            while not accounts.leases.is_empty:  # noqa: ASYNC110 - it goes by its own clock
                await asyncio.sleep(0.1)
        assert not await in_thread(Reservation.objects.exists)
        await in_thread(connections.close_all)
