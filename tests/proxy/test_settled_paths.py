"""Whatever becomes of a call, its reservations are gone once its record is written, and what it used is spent."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from asgiref.sync import sync_to_async
from django.db import connections
from django.db.models import Sum

from proxy.call import Budget
from proxy.ledger.budgets import counting, reconciling
from proxy.ledger.consumer import Consumer
from proxy.models import BudgetWindow, Reservation, UsageRecord
from tests.bad_upstream import BadUpstream
from tests.proxy import build
from tests.proxy.running import Gateway, running

pytestmark = pytest.mark.django_db(transaction=True)

USD = 10**9
STREAM = {**build.HELLO, "stream": True}


async def in_thread(function: Callable[..., Any], *args: Any) -> Any:
    return await sync_to_async(function)(*args)


async def whole(gateway: Gateway) -> None:
    await gateway.ask()


async def streamed(gateway: Gateway) -> None:
    await gateway.ask(STREAM)


async def left_while_waiting(gateway: Gateway) -> None:
    asking = asyncio.create_task(gateway.ask(STREAM))
    await asyncio.sleep(0.3)
    assert await in_thread(Reservation.objects.count) == 2
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)


async def left_mid_stream(gateway: Gateway) -> None:
    reply = await gateway.reply(STREAM)
    assert not isinstance(reply.body, bytes)
    await anext(reply.body)
    await reply.body.aclose()


@pytest.mark.parametrize(
    ("scenario", "ask", "state"),
    [
        ("echo", whole, "completed"),
        ("stream", streamed, "completed"),
        ("html_502", whole, "failed"),
        ("close_before_headers", streamed, "failed"),
        ("error_event_first", streamed, "failed"),
        ("reset_mid_stream", streamed, "failed"),
        ("stall_before_headers", left_while_waiting, "cancelled"),
        ("stall_mid_stream", left_mid_stream, "cancelled"),
    ],
)
async def test_every_path_settles(tmp_path: Path, scenario: str, ask: Any, state: str) -> None:
    async with BadUpstream(scenario) as upstream, running(tmp_path, run=in_thread) as gateway:
        tenant, key = uuid4(), uuid4()
        gateway.admit(
            build.caller(
                upstreams=[build.upstream(base_url=upstream.url)],
                tenant_id=tenant,
                key_id=key,
                budgets=[Budget(key, "usd", "month", USD, True)],
                tenant_budgets=[Budget(tenant, "requests", "total", 5, True)],
            )
        )
        await ask(gateway)
        journal = gateway.runtime.journal
        await in_thread(Consumer(journal.directory, journal.name).drain)
        await in_thread(_check, state)
        await in_thread(connections.close_all)


def _check(state: str) -> None:
    assert UsageRecord.objects.get().state == state
    assert not Reservation.objects.exists()
    assert BudgetWindow.objects.aggregate(total=Sum("held"))["total"] == 0
    assert all(window.spent == counting.spent(window) for window in BudgetWindow.objects.all())
    assert BudgetWindow.objects.get(unit="requests").spent == 1
    assert list(reconciling.reconcile(fix=False)) == []
