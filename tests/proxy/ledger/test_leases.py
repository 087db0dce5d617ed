"""A busy process reserves out of what it leased; nothing is exceeded, and what it does not want goes back."""

import time
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from django.utils import timezone

from proxy.call import Budget
from proxy.ledger.budgets import lease_rows, leases, reserving, settling
from proxy.ledger.budgets.leases import Leases
from proxy.ledger.budgets.need import Need
from proxy.ledger.budgets.reserving import Ask, Reserved
from proxy.ledger.consumer import Consumer
from proxy.ledger.journal import Journal
from proxy.ledger.prices import Quote
from proxy.models import BudgetWindow, Reservation
from tests.proxy import build
from tests.proxy.ledger import calls

pytestmark = pytest.mark.django_db

NEED = Need(Quote(None, False, 1, 1, 1, 1, 1), 1, 50, 50, 50)  # 100 tokens
BUSY = 20


class Process:
    """One web process: what `Accounts` does, without its event loop and threads."""

    def __init__(self, name: str = "web") -> None:
        self.leases = Leases(name)
        self.asked = 0
        self.is_away = False

    def ask(self, *budgets: Budget, times: int = 1, first: str = "") -> list[Reserved]:
        reserved = []
        for number in range(times):
            ask = Ask(f"{first or uuid4().hex}{number}", budgets, "UTC", timezone.now(), NEED)
            reserved.append(self.leases.give(ask) or self.work(ask)[0])
            while self.leases.is_due:
                self.work()
        return reserved

    def work(self, *asks: Ask) -> list[Reserved]:
        """Ask the database for these, and for what leases want."""
        tops = self.leases.tops(asks)
        mine = [lease for lease, _top in tops]
        self.asked += 1
        if self.is_away:
            self.leases.failed(mine)
            return []
        seen_at = time.monotonic()
        reserved, granted = reserving.reserve_each(asks, [top for _lease, top in tops])
        self.leases.granted(zip(mine, granted, strict=True), seen_at)
        return reserved

    def rest(self) -> None:
        """A second passes."""
        self.leases.tick()
        self.work()


@pytest.fixture
def process() -> Process:
    return Process()


def budget(amount: int, *, owner: UUID | None = None, unit: str = "tokens") -> Budget:
    return Budget(owner or uuid4(), unit, "month", amount, True)


def test_a_busy_budget_is_asked_for_once_for_many_calls(process: Process) -> None:
    mine = budget(10_000_000)
    process.ask(mine, times=BUSY)
    process.leases.tick()
    process.ask(mine)
    asked = process.asked
    reserved = process.ask(mine, times=5)
    assert process.asked == asked
    assert all(each.short is None and each.output_tokens == 50 for each in reserved)
    window = BudgetWindow.objects.get()
    assert window.held >= (BUSY + 6) * 100


def test_a_quiet_budget_is_reserved_call_by_call(process: Process) -> None:
    process.ask(budget(10_000_000), times=5)
    assert process.asked == Reservation.objects.count() == 5
    assert BudgetWindow.objects.get().held == 500


def test_calls_that_take_a_large_part_are_reserved_one_by_one_to_the_last(process: Process) -> None:
    mine = budget(5000, unit="tokens")
    reserved = process.ask(mine, times=60)
    assert [each.short is None for each in reserved] == [True] * 50 + [False] * 10


def test_two_processes_use_a_budget_to_its_end_and_never_beyond() -> None:
    mine = budget(400 * 100)
    processes = [Process("one"), Process("two")]
    given = 0
    for _round in range(50):
        for each in processes:
            given += sum(reserved.short is None for reserved in each.ask(mine, times=10))
    window = BudgetWindow.objects.get()
    assert given <= 400 and window.held <= mine.amount
    assert given >= 0.9 * 400
    for each in processes:
        each.rest()
        each.rest()
        given += sum(reserved.short is None for reserved in each.ask(mine, times=400 - given + 1))
    assert given == 400  # what a lease held back is there for all as soon as its process is quiet


def test_what_nobody_wants_is_given_back_within_a_tick(process: Process) -> None:
    mine = budget(10_000_000)
    process.ask(mine, times=BUSY)
    for _ in range(3):
        process.rest()
    assert BudgetWindow.objects.get().held == BUSY * 100  # what the calls hold, and no more
    process.leases.settled(list(process.leases.holds))
    for _ in range(2):
        process.rest()
    assert process.leases.is_empty
    assert not Reservation.objects.filter(call_id__startswith=lease_rows.PREFIX).exists()
    assert BudgetWindow.objects.get().held == Reservation.objects.count() * 100


def test_a_budget_that_was_changed_is_read_again_at_once(process: Process) -> None:
    mine = budget(10_000_000)
    process.ask(mine, times=BUSY)
    cut = budget(100, owner=mine.owner_id)
    assert [each.short is not None for each in process.ask(cut)] == [True]


def test_a_lease_that_is_not_confirmed_is_not_given_out(process: Process, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = budget(10_000_000)
    process.ask(mine, times=BUSY)
    asked = process.asked
    monkeypatch.setattr(leases, "GOOD_SECONDS", 0.0)
    process.ask(mine)
    assert process.asked == asked + 1


def test_without_the_database_a_lease_is_given_up_and_its_row_goes_when_it_is_back(process: Process) -> None:
    mine = budget(10_000_000)
    process.ask(mine, times=BUSY)
    process.is_away = True
    process.rest()
    process.rest()
    process.is_away = False
    process.leases.settled(list(process.leases.holds))
    for _ in range(3):
        process.rest()
    assert BudgetWindow.objects.get().held == Reservation.objects.count() * 100
    assert (process.ask(mine))[0].short is None


def test_what_a_call_has_of_a_lease_is_released_with_its_record_once(process: Process, journal: Journal) -> None:
    by = build.caller()
    mine = budget(10_000_000, owner=by.key_id)
    process.ask(mine, times=BUSY)
    [reserved] = process.ask(mine, first="a")
    assert reserved.short is None and list(process.leases.holds) and not Reservation.objects.filter(call_id="a0")
    before = BudgetWindow.objects.get().held
    calls.completed(journal, "a0", by=by)
    for _ in range(2):  # read twice, as after a commit that nobody heard of
        Consumer(journal.directory, journal.name, leased=process.leases.holds).drain()
    window = BudgetWindow.objects.get()
    assert (window.spent, window.held) == (30, before - 100)
    process.leases.settled(["a0"])
    assert "a0" not in process.leases.holds


def test_the_leases_of_a_process_end_with_it(process: Process) -> None:
    process.ask(budget(10_000_000), times=BUSY)
    calls_alone = Reservation.objects.exclude(call_id__startswith=lease_rows.PREFIX).count()
    settling.release("web")
    assert Reservation.objects.count() == calls_alone
    assert BudgetWindow.objects.get().held == calls_alone * 100
    Reservation.objects.all().delete()


def test_a_dead_process_s_lease_is_reaped_unless_its_calls_go_on(process: Process) -> None:
    process.ask(budget(10_000_000), times=BUSY)
    mine = Reservation.objects.filter(call_id__startswith=lease_rows.PREFIX)
    mine.update(created_at=timezone.now() - timedelta(seconds=40))
    running = calls.store(uuid4(), id="running", state="started", process="web")
    settling.reap()
    assert mine.exists()
    running.delete()
    settling.reap()
    assert not mine.exists()
    assert BudgetWindow.objects.get().held == Reservation.objects.count() * 100
    assert (process.ask(budget(10_000_000)))[0].short is None


def test_a_lease_that_was_reaped_under_its_process_is_noticed(process: Process) -> None:
    mine = budget(10_000_000)
    process.ask(mine, times=BUSY)
    settling.release("web")
    process.rest()
    process.ask(mine, times=2)
    window = BudgetWindow.objects.get()
    assert window.held == sum(Reservation.objects.values_list("amount", flat=True))
