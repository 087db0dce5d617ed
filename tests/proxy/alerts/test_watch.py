"""The thread that looks at what the ledger settled: it misses nothing, and survives a database that is away."""

import time
from typing import Any

import pytest
from django.db import OperationalError

from proxy.alerts import budgets, platform
from proxy.alerts.watch import Watch
from tenants.models import Tenant

LINES = [
    {"tenant_id": "11111111-1111-4111-8111-111111111111", "key_id": "22222222-2222-4222-8222-222222222222"},
    {"tenant_id": "33333333-3333-4333-8333-333333333333", "key_id": "x", "error_type": "billing_error"},
    {},
]


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, set[str]]]:
    found: list[tuple[str, set[str]]] = []
    monkeypatch.setattr(budgets, "look", lambda owners, at: found.append(("spent", {str(one)[0] for one in owners})))
    monkeypatch.setattr(
        budgets, "look_at_refusals", lambda at, tenants: found.append(("refused", {str(one)[0] for one in tenants}))
    )
    return found


def test_whose_calls_ended_is_looked_at_once(looks: list[tuple[str, set[str]]]) -> None:
    watch = Watch()
    watch.note(LINES)
    watch.look()
    watch.look()
    assert looks == [("spent", {"1", "2", "3"}), ("refused", {"3"})]


def test_while_the_database_is_away_nothing_is_forgotten(
    looks: list[tuple[str, set[str]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_given: Any) -> None:
        raise OperationalError

    watch = Watch()
    watch.note(LINES)
    with monkeypatch.context() as broken:
        broken.setattr(budgets, "look", away)
        with pytest.raises(OperationalError):
            watch.look()
    watch.look()
    assert looks == [("spent", {"1", "2", "3"}), ("refused", {"3"})]


def test_the_store_of_limits_is_asked_now_and_then(
    looks: list[tuple[str, set[str]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[bool] = []
    monkeypatch.setattr(platform, "look_at_store", lambda url, at, *, may_end: asked.append(may_end))
    monkeypatch.setattr(time, "monotonic", lambda: 1000.0)
    watch = Watch("redis://x")
    watch.look()
    monkeypatch.setattr(time, "monotonic", lambda: 1020.0)
    watch.look()
    watch.look()
    assert asked == [False]


@pytest.mark.django_db(transaction=True)
def test_the_thread_looks_a_last_time_when_it_is_stopped(looks: list[tuple[str, set[str]]]) -> None:
    Tenant.objects.create(slug="acme", name="Acme")
    watch = Watch(look_seconds=60)
    watch.start()
    watch.note(LINES)
    watch.stop()
    assert ("refused", {"3"}) in looks
