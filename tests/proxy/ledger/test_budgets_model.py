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
from proxy.ledger.budgets import counting, reconciling, reserving, settling
from proxy.ledger.budgets.need import Need
from proxy.models import BudgetWindow, Reservation, UsageRecord
from tests.proxy.ledger import calls

TENANT, KEYS = UUID(int=1), (UUID(int=2), UUID(int=3))
QUOTE = prices.Quote(None, False, 1, 1, 1, 1, 1)
AMOUNTS = {"tokens": 3000, "requests": 12}


class Ledger(RuleBasedStateMachine):
    """Calls are reserved, written down, settled, settled again, lost and reaped."""

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

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.example.__exit__(None, None, None)

    @rule(key=st.sampled_from(KEYS), prompt=st.integers(0, 300), most=st.integers(1, 5000))
    def reserve(self, key: UUID, prompt: int, most: int) -> None:
        self.number += 1
        id = f"call{self.number}"
        budgets = [Budget(owner, unit, "total", AMOUNTS[unit], True) for owner in (key, TENANT) for unit in AMOUNTS]
        need = Need(QUOTE, 1, prompt, min(most, 50), most)
        reserved = reserving.reserve(id, budgets, "UTC", self.at, need)
        if reserved.short is None:
            assert min(most, 50) <= reserved.output_tokens <= most
            self.open[id] = (key, prompt + reserved.output_tokens)
        else:
            assert not Reservation.objects.filter(call_id=id).exists()

    @rule(data=st.data())
    def settle(self, data: st.DataObject) -> None:
        if self.open:
            id = data.draw(st.sampled_from(sorted(self.open)))
            key, most = self.open.pop(id)
            tokens = data.draw(st.integers(0, most))
            record = calls.build(TENANT, id=id, key_id=key, started_at=self.at, input_tokens=tokens, output_tokens=0)
            with transaction.atomic(), settling.counted([id]):
                record.save(force_insert=True)
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
        if self.open:
            id = data.draw(st.sampled_from(sorted(self.open)))
            del self.open[id]
            Reservation.objects.filter(call_id=id).update(created_at=timezone.now() - timedelta(hours=1))
            settling.reap()

    @invariant()
    def no_budget_is_exceeded_and_all_agree(self) -> None:
        for window in BudgetWindow.objects.all():
            assert min(window.spent, window.held) >= 0 and window.spent + window.held <= AMOUNTS[window.unit]
            model = self.used if window.unit == "tokens" else self.count
            assert window.spent == model[window.owner_id] == counting.spent(window)
        assert set(Reservation.objects.values_list("call_id", flat=True)) == set(self.open)
        assert list(reconciling.reconcile(fix=False)) == []


@pytest.mark.slow
@pytest.mark.django_db
def test_it_agrees_in_long_and_many_orders_too() -> None:
    run_state_machine_as_test(Ledger, settings=settings(max_examples=60, stateful_step_count=80, deadline=None))


@pytest.mark.django_db
def test_the_ledger_agrees_with_its_model_in_any_order() -> None:
    run_state_machine_as_test(Ledger, settings=settings(max_examples=8, stateful_step_count=30, deadline=None))
