"""Whatever happens in whatever order, the ledger agrees with a model that fits on a page."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from django.db import transaction
from django.utils import timezone
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from proxy.call import Budget
from proxy.ledger import prices
from proxy.ledger.budgets import counting, lease_rows, leases, reconciling, reserving, settling
from proxy.ledger.budgets.leases import Leases
from proxy.ledger.budgets.need import Need
from proxy.ledger.budgets.reserving import Ask
from proxy.models import BudgetWindow, Reservation, UsageRecord
from tests.proxy.ledger import calls

TENANT, KEYS = UUID(int=1), (UUID(int=2), UUID(int=3))
QUOTE = prices.Quote(None, False, 1, 1, 1, 1, 1)
AMOUNTS = {"tokens": 3000, "requests": 40}
PROCESSES = ("a", "b")


class Clock:
    """Stands still until it is told to go on."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


class Ledger(RuleBasedStateMachine):
    """Calls are reserved one by one or from leases of two processes, written down, settled, settled again and lost."""

    def __init__(self) -> None:
        super().__init__()
        self.example = transaction.atomic()
        self.example.__enter__()
        self.at = datetime.now(UTC)
        self.number = 0
        self.open: dict[str, tuple[UUID, int]] = {}  # call: key, most tokens
        self.used: dict[UUID, int] = dict.fromkeys((TENANT, *KEYS), 0)
        self.count: dict[UUID, int] = dict.fromkeys((TENANT, *KEYS), 0)
        self.settled: list[str] = []
        self.leased: set[str] = set()
        self.clock = Clock()
        self.leases = {process: Leases(process, self.clock) for process in PROCESSES}

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.example.__exit__(None, None, None)

    @rule(key=st.sampled_from(KEYS), prompt=st.integers(0, 300), most=st.integers(1, 5000))
    def reserve(self, key: UUID, prompt: int, most: int) -> None:
        ask = self.ask(key, prompt, most)
        id, budgets, need = ask.call_id, ask.budgets, ask.need
        reserved = reserving.reserve(id, budgets, "UTC", self.at, need)  # type: ignore[arg-type]
        if reserved.short is None:
            assert min(most, 50) <= reserved.output_tokens <= most
            self.open[id] = (key, prompt + reserved.output_tokens)
        else:
            assert not Reservation.objects.filter(call_id=id).exists()

    def ask(self, key: UUID, prompt: int, most: int) -> Ask:
        self.number += 1
        budgets = [Budget(owner, unit, "total", AMOUNTS[unit], True) for owner in (key, TENANT) for unit in AMOUNTS]
        return Ask(f"call{self.number}", budgets, "UTC", self.at, Need(QUOTE, 1, prompt, min(most, 50), most))

    @rule(
        process=st.sampled_from(PROCESSES),
        key=st.sampled_from(KEYS),
        tokens=st.integers(1, 60),
        times=st.integers(1, 8),
    )
    def reserve_in_a_process(self, process: str, key: UUID, tokens: int, times: int) -> None:
        """As `Accounts` does: from its leases, else from the database, which fills them up."""
        for _ in range(times):
            ask = self.ask(key, 0, tokens)
            reserved = self.leases[process].give(ask)
            if reserved is not None:
                self.leased.add(ask.call_id)
            else:
                reserved = self.work(process, [ask])[0]
            if reserved.short is None:
                self.open[ask.call_id] = (key, reserved.output_tokens)

    def work(self, process: str, asks: list[Ask]) -> list[reserving.Reserved]:
        tops = self.leases[process].tops(asks)
        reserved, granted = reserving.reserve_each(asks, [top for _lease, top in tops])
        self.leases[process].granted(zip([lease for lease, _top in tops], granted, strict=True), self.clock.now)
        return reserved

    @rule(process=st.sampled_from(PROCESSES), seconds=st.sampled_from([0.1, 1.0, 4.0, 20.0]))
    def pass_time(self, process: str, seconds: float) -> None:
        self.clock.now += seconds
        self.leases[process].tick()
        self.work(process, [])

    @rule(process=st.sampled_from(PROCESSES), is_done=st.booleans())
    def lose_the_database(self, process: str, is_done: bool) -> None:
        """A transaction of which nobody heard whether it was committed."""
        tops = self.leases[process].tops([])
        if is_done:
            reserving.reserve_each([], [top for _lease, top in tops])
        self.leases[process].failed([lease for lease, _top in tops])

    @rule(process=st.sampled_from(PROCESSES))
    def die(self, process: str) -> None:
        """A process ends, and a recovery settles what it had under way."""
        for id in [id for id in self.leases[process].holds if id in self.open]:
            self.write(id, 0, {})
        settling.release(self.leases[process]._process)
        self.number += 1
        self.leases[process] = Leases(f"{process}{self.number}", self.clock)

    @rule(data=st.data())
    def settle(self, data: st.DataObject) -> None:
        if self.open:
            id = data.draw(st.sampled_from(sorted(self.open)))
            self.write(id, data.draw(st.integers(0, self.open[id][1])), self.holds())

    def holds(self) -> dict[str, list[tuple[leases.Lease, int]]]:
        return {id: parts for each in self.leases.values() for id, parts in each.holds.items()}

    def write(self, id: str, tokens: int, leased: settling.Leased) -> None:
        key, _most = self.open.pop(id)
        record = calls.build(TENANT, id=id, key_id=key, started_at=self.at, input_tokens=tokens, output_tokens=0)
        with transaction.atomic(), settling.counted([id], leased):
            record.save(force_insert=True)
        for each in self.leases.values():
            each.settled([id])
        self.leased.discard(id)
        self.settled.append(id)
        for owner in (TENANT, key):
            self.used[owner] += tokens
            self.count[owner] += 1

    @rule(data=st.data())
    def settle_again(self, data: st.DataObject) -> None:
        if self.settled:
            id = data.draw(st.sampled_from(self.settled))
            with transaction.atomic(), settling.counted([id]):
                UsageRecord.objects.get(id=id).save()

    @rule(data=st.data())
    def lose(self, data: st.DataObject) -> None:
        """The process died before the call was written down."""
        if single := sorted(self.open.keys() - self.leased):
            id = data.draw(st.sampled_from(single))
            del self.open[id]
            Reservation.objects.filter(call_id=id).update(created_at=timezone.now() - timedelta(hours=1))
            settling.reap()

    @invariant()
    def no_budget_is_exceeded_and_all_agree(self) -> None:
        for window in BudgetWindow.objects.all():
            assert min(window.spent, window.held) >= 0 and window.spent + window.held <= AMOUNTS[window.unit]
            model = self.used if window.unit == "tokens" else self.count
            assert window.spent == model[window.owner_id] == counting.spent(window)
            mine = [most for key, most in self.open.values() if window.owner_id in (TENANT, key)]
            assert window.held >= (sum(mine) if window.unit == "tokens" else len(mine))
        of_calls = Reservation.objects.exclude(call_id__startswith=lease_rows.PREFIX)
        assert set(of_calls.values_list("call_id", flat=True)) == set(self.open) - self.leased
        assert list(reconciling.reconcile(fix=False)) == []


@pytest.fixture(autouse=True)
def _lease_soon_and_much(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "_LEAST_PACE", 4)
    monkeypatch.setattr(reserving, "_LEASE_SHARE", 2)


@pytest.mark.slow
@pytest.mark.django_db
def test_it_agrees_in_long_and_many_orders_too() -> None:
    run_state_machine_as_test(Ledger, settings=settings(max_examples=60, stateful_step_count=80, deadline=None))


@pytest.mark.django_db
def test_the_ledger_agrees_with_its_model_in_any_order() -> None:
    run_state_machine_as_test(Ledger, settings=settings(max_examples=8, stateful_step_count=30, deadline=None))
