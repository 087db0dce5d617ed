"""Reservations never exceed a budget, settle once with the call's record, and can always be counted again."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.core.management import call_command
from django.db import transaction
from django.utils import timezone

from proxy.call import Budget
from proxy.formats.usage import Usage
from proxy.ledger import prices, recovery
from proxy.ledger.budgets import counting, reserving, settling
from proxy.ledger.budgets.need import Growth, Need
from proxy.ledger.consumer import Consumer
from proxy.ledger.journal import Journal
from proxy.models import BudgetWindow, Reservation, UsageRecord
from tests.proxy import build
from tests.proxy.ledger import calls

pytestmark = pytest.mark.django_db

QUOTE = prices.PriceBook([]).price_of("claude-opus-5", 0, datetime(2026, 1, 1, tzinfo=UTC))
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def need(*, input_tokens: int = 0, least: int = 256, most: int = 1000) -> Need:
    return Need(QUOTE, QUOTE.input_nano, input_tokens, least, most)


def budget(
    amount: int, *, unit: str = "tokens", period: str = "month", owner: UUID | None = None, **more: Any
) -> Budget:
    return Budget(owner or uuid4(), unit, period, amount, more.get("is_blocking", True))


def reserve(*budgets: Budget, call: str = "", at: datetime = NOW, **needs: Any) -> reserving.Reserved:
    return reserving.reserve(call or uuid4().hex, budgets, "UTC", at, need(**needs))


def test_a_reservation_is_held_and_found_by_its_call() -> None:
    reserved = reserve(budget(10_000), call="a")
    window = BudgetWindow.objects.get()
    assert (window.spent, window.held, reserved.output_tokens) == (0, 1000, 1000)
    assert Reservation.objects.get(call_id="a").amount == 1000


def test_without_room_for_anything_useful_nothing_is_held() -> None:
    small = budget(255)
    reserved = reserve(budget(10_000), small)
    assert reserved.short is not None and reserved.short.budget == small
    assert not Reservation.objects.exists()
    assert set(BudgetWindow.objects.values_list("held", flat=True)) == {0}


def test_output_is_lowered_to_what_there_is_room_for_and_leaves_some_to_others() -> None:
    mine = budget(8000)
    assert [reserve(mine, most=128_000).output_tokens for _ in range(3)] == [2000, 1200, 800]
    assert reserve(mine, most=100, least=100).output_tokens == 100


def test_many_that_ask_for_much_all_find_room() -> None:
    mine = budget(1_000_000)
    given = [reserve(mine, most=128_000) for _ in range(50)]
    assert all(reserved.short is None and reserved.output_tokens >= 256 for reserved in given)
    assert BudgetWindow.objects.get().held <= 1_000_000


def test_a_budget_that_only_warns_neither_lowers_nor_refuses() -> None:
    reserved = reserve(budget(10, is_blocking=False))
    assert (reserved.short, reserved.output_tokens) == (None, 1000)
    assert reserved.standings[0].utilization == 100


def test_two_budgets_of_one_period_share_what_was_used() -> None:
    owner = uuid4()
    reserve(budget(10_000, owner=owner), budget(5000, owner=owner, is_blocking=False))
    assert BudgetWindow.objects.get().held == 1000


def test_periods_begin_anew() -> None:
    mine = budget(300, period="day")
    assert reserve(mine, most=256).short is None
    assert reserve(mine, most=256).short is not None
    assert reserve(mine, most=256, at=NOW + timedelta(days=1)).short is None


def test_money_is_rounded_up_when_it_is_reserved() -> None:
    odd = Need(prices.Quote(None, False, 1, 1, 1, 1, 1), 1, 1, 0, 1)
    assert (odd.amount("usd", 0), odd.amount("usd", 1), odd.amount("requests", 9)) == (1, 1, 1)


def test_a_window_begins_with_what_was_used_before_there_was_a_budget() -> None:
    tenant = uuid4()
    calls.store(tenant, started_at=NOW, input_tokens=100, output_tokens=20, cache_read_tokens=5)
    calls.store(tenant, started_at=NOW - timedelta(days=40), input_tokens=7, output_tokens=7)
    calls.store(tenant, started_at=NOW, state="started", input_tokens=900)
    calls.store(uuid4(), started_at=NOW, input_tokens=900)
    reserved = reserve(budget(10_000, owner=tenant), budget(50, owner=tenant, unit="requests"))
    assert [standing.spent for standing in reserved.standings] == [125, 1]


def charge(journal: Journal, consumer: Consumer, id: str, by: Any) -> None:
    calls.completed(journal, id, by=by)
    consumer.drain()


def test_a_settled_call_is_spent_and_holds_nothing(journal: Journal) -> None:
    by = build.caller()
    mine = [budget(10_000, owner=by.key_id), budget(10**12, unit="usd", owner=by.tenant.id)]
    at = timezone.now()
    reserve(*mine, call="a", at=at)
    charge(journal, Consumer(journal.directory, journal.name), "a", by)
    used = {window.unit: (window.spent, window.held) for window in BudgetWindow.objects.all()}
    record = UsageRecord.objects.get()
    assert used == {"tokens": (30, 0), "usd": (record.cost_nano_usd, 0)}
    assert record.cost_nano_usd > 0
    assert not Reservation.objects.exists()


def test_a_journal_read_thrice_is_charged_once(journal: Journal) -> None:
    by = build.caller()
    reserve(budget(10_000, owner=by.key_id), call="a", at=timezone.now())
    calls.completed(journal, "a", by=by)
    for _ in range(3):
        Consumer(journal.directory, journal.name).drain()
    window = BudgetWindow.objects.get()
    assert (window.spent, window.held) == (30, 0)


def test_a_refused_call_is_released_without_a_charge(journal: Journal) -> None:
    by = build.caller()
    reserve(budget(10_000, owner=by.key_id), budget(5, owner=by.key_id, unit="requests"), call="a", at=timezone.now())
    entry, _outbound = calls.asked(journal, "a", by=by)
    entry.settle(calls.Ending(state=calls.State.REFUSED, status=502), calls.Trace())
    Consumer(journal.directory, journal.name).drain()
    assert set(BudgetWindow.objects.values_list("spent", "held")) == {(0, 0)}


def test_a_killed_process_leaves_what_it_used_and_holds_nothing(journal: Journal) -> None:
    by = build.caller()
    reserve(budget(10_000, owner=by.key_id), call="a", at=timezone.now())
    entry = calls.opened(journal, "a", by=by)
    entry.progress(calls.USAGE)
    journal.leave()
    recovery.recover(journal.directory)
    window = BudgetWindow.objects.get()
    assert (window.spent, window.held) == (30, 0)
    assert UsageRecord.objects.get().state == "interrupted"


def test_what_a_call_holds_that_was_never_heard_of_is_released() -> None:
    reserve(budget(10_000), call="lost")
    reserve(budget(10_000), call="young")
    calls.store(uuid4(), id="alive", state="started")
    reserve(budget(10_000), call="alive")
    Reservation.objects.exclude(call_id="young").update(created_at=timezone.now() - timedelta(minutes=3))
    assert settling.reap() == 1
    assert set(Reservation.objects.values_list("call_id", flat=True)) == {"young", "alive"}
    assert sorted(BudgetWindow.objects.values_list("held", flat=True)) == [0, 1000, 1000]


def test_a_correction_of_a_record_changes_the_window_by_the_difference() -> None:
    tenant = uuid4()
    record = calls.store(tenant, started_at=NOW, input_tokens=100, output_tokens=0)
    reserve(budget(10_000, owner=tenant))
    with transaction.atomic(), settling.counted([record.id]):
        UsageRecord.objects.filter(id=record.id).update(input_tokens=40)
    window = BudgetWindow.objects.get()
    assert window.spent == 40 == counting.spent(window)


def test_a_reconciliation_finds_drift_and_mends_it(capsys: pytest.CaptureFixture[str]) -> None:
    tenant = uuid4()
    calls.store(tenant, started_at=timezone.now(), input_tokens=100, output_tokens=0)
    reserve(budget(10_000, owner=tenant), at=timezone.now())
    call_command("reconcile_budgets")
    assert "Every budget says" in capsys.readouterr().out
    BudgetWindow.objects.update(spent=7, held=8)
    with pytest.raises(SystemExit):
        call_command("reconcile_budgets")
    assert "spent 7, counted 100; held 8, counted 1000" in capsys.readouterr().out
    call_command("reconcile_budgets", "--fix")
    assert BudgetWindow.objects.values_list("spent", "held").get() == (100, 1000)


def test_a_call_that_goes_on_holds_what_it_needs_more_once() -> None:
    tokens, requests = budget(10_000), budget(5, unit="requests")
    held = need(input_tokens=100, most=500)
    after = held.grown(QUOTE, QUOTE.input_nano, 300)
    for wanted in (held, Growth(held, after)):
        assert reserving.reserve("a", [tokens, requests], "UTC", NOW, wanted).short is None
    assert dict(Reservation.objects.values_list("window__unit", "amount")) == {"tokens": 900, "requests": 1}
    assert dict(BudgetWindow.objects.values_list("unit", "held")) == {"tokens": 900, "requests": 1}


def test_a_call_does_not_go_on_into_what_others_hold() -> None:
    tight = budget(1000)
    held = need(input_tokens=100, least=500, most=500)
    assert reserving.reserve("a", [tight], "UTC", NOW, held).short is None
    refused = reserving.reserve("a", [tight], "UTC", NOW, Growth(held, held.grown(QUOTE, QUOTE.input_nano, 401)))
    assert refused.short is not None and BudgetWindow.objects.get().held == 600


def test_growth_covers_a_dearer_price_of_all_that_the_call_uses() -> None:
    dear = prices.Quote(2, False, *[2 * QUOTE.output_nano] * 5)
    held = need(input_tokens=100, most=500)
    after = held.grown(dear, dear.input_nano, 300)
    growth = Growth(held, after)
    assert held.amount("usd", 500) + growth.amount("usd", 0) == prices.cost_nano_usd(Usage(400, 500), dear)
    assert (growth.least_output, growth.output_within("usd", 10**12)) == (0, 0)
