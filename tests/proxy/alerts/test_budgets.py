"""A budget's thresholds are told once per window, whoever sees them first."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import transaction

from proxy.alerts import budgets, raising
from proxy.alerts.models import Alert, Delivery
from proxy.ledger.budgets import periods
from proxy.models import BudgetWindow
from tenants import actions
from tenants.models import ApiKey, Tenant
from tests.admin_ui.calls import record

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
MONTH = {"period": "month", "usd": 20}


def give(owner: Tenant | ApiKey, *given: dict[str, Any]) -> None:
    if isinstance(owner, Tenant):
        actions.change_tenant(actor="x", tenant=owner, budgets=list(given))
    else:
        actions.change_key(actor="x", key=owner, budgets=list(given))


def spend(owner: Tenant | ApiKey, amount: int, *, unit: str = "usd", period: str = "month", at: datetime = NOW) -> None:
    tenant = owner if isinstance(owner, Tenant) else owner.tenant
    starts_at, ends_at = periods.window(period, at, tenant.timezone)
    BudgetWindow.objects.update_or_create(
        owner_id=owner.pk, unit=unit, period=period, starts_at=starts_at, defaults={"ends_at": ends_at, "spent": amount}
    )


def titles() -> list[str]:
    return list(Alert.objects.order_by("at", "pk").values_list("title", flat=True))


@pytest.mark.django_db
class TestThresholds:
    def test_a_threshold_is_told_when_it_is_crossed_and_not_again(self, acme: Tenant) -> None:
        give(acme, MONTH)
        spend(acme, 9_999_999_999)
        assert budgets.look([acme.pk], NOW) == []
        spend(acme, 10_000_000_000)
        (alert,) = budgets.look([acme.pk], NOW)
        assert alert.title == "Acme Corp has used 50 % of its $20 for November"
        assert alert.text.endswith("It resets on 1 December 00:00 Europe/Rome.")
        assert (alert.severity, alert.tenant_id, alert.facts["threshold_percent"]) == ("info", acme.pk, 50)
        spend(acme, 11_000_000_000)
        assert budgets.look([acme.pk], NOW) == []

    def test_of_several_at_once_the_highest_is_told(self, acme: Tenant) -> None:
        give(acme, MONTH)
        spend(acme, 19_000_000_000)
        assert [alert.facts["threshold_percent"] for alert in budgets.look([acme.pk], NOW)] == [90]
        assert budgets.look([acme.pk], NOW) == []
        spend(acme, 20_000_000_000)
        assert [alert.severity for alert in budgets.look([acme.pk], NOW)] == ["bad"]

    def test_who_saw_less_comes_too_late(self, acme: Tenant) -> None:
        give(acme, MONTH)
        spend(acme, 19_000_000_000)
        budgets.look([acme.pk], NOW)
        spend(acme, 16_000_000_000)  # as a process sees it that read before
        assert budgets.look([acme.pk], NOW) == []

    def test_a_new_window_and_another_amount_are_told_anew(self, acme: Tenant) -> None:
        give(acme, MONTH)
        spend(acme, 10_000_000_000)
        budgets.look([acme.pk], NOW)
        later = NOW + timedelta(days=31)
        spend(acme, 10_000_000_000, at=later)
        assert len(budgets.look([acme.pk], later)) == 1
        give(acme, {"period": "month", "usd": 16})
        assert len(budgets.look([acme.pk], later)) == 1

    def test_a_budget_may_have_thresholds_of_its_own_and_the_tenant_a_default(self, acme: Tenant) -> None:
        key = actions.issue_key(actor="x", tenant=acme, name="ci").key
        actions.change_tenant(actor="x", tenant=acme, alert_at=[10])
        give(key, {**MONTH, "alert_at": [80]}, {"period": "day", "tokens": 100, "on_exceed": "warn"})
        spend(key, 10_000_000_000)
        spend(key, 10, unit="tokens", period="day")
        assert [alert.title for alert in budgets.look([key.pk], NOW)] == [
            "Key ci has used 10 % of its 100 tokens for today"
        ]
        actions.change_tenant(actor="x", tenant=acme, alert_at=[])
        spend(key, 16_000_000_000)
        assert [alert.title for alert in budgets.look([key.pk], NOW)] == [
            "Key ci has used 80 % of its $20 for November"
        ]

    def test_the_channels_that_want_it_get_it_and_no_others(self, acme: Tenant, globex: Tenant) -> None:
        add = actions.add_channel
        wants = add(actor="x", tenant=acme, name="a", kind="email", recipients=["a@acme.example"]).channel
        add(actor="x", tenant=acme, name="b", kind="email", recipients=["b@acme.example"], events=["key.expiring"])
        add(actor="x", tenant=acme, name="c", kind="email", recipients=["c@acme.example"], is_enabled=False)
        add(actor="x", tenant=globex, name="d", kind="email", recipients=["d@globex.example"])
        give(acme, MONTH)
        spend(acme, 20_000_000_000)
        budgets.look([acme.pk], NOW)
        assert [delivery.channel for delivery in Delivery.objects.all()] == [wants]

    def test_what_no_process_noted_is_found_by_looking_everywhere(self, acme: Tenant, globex: Tenant) -> None:
        for tenant in (acme, globex):
            give(tenant, MONTH)
            spend(tenant, 20_000_000_000)
        assert len(budgets.look_everywhere(NOW)) == 2
        assert budgets.look_everywhere(NOW) == []

    def test_looking_takes_as_many_queries_for_many_budgets(
        self, acme: Tenant, django_assert_max_num_queries: Any
    ) -> None:
        keys = [actions.issue_key(actor="x", tenant=acme, name=f"k{n}").key for n in range(20)]
        for key in keys:
            give(key, MONTH)
            spend(key, 1_000_000_000)
        with django_assert_max_num_queries(3):
            budgets.look([key.pk for key in keys], NOW)


@pytest.mark.django_db
class TestRefusals:
    def refuse(self, tenant: Tenant, key: ApiKey, of: str, at: datetime = NOW) -> None:
        trace = [{"step": "quota", "us": 3, "short": "usd month", "of": of}]
        record(
            tenant,
            key_id=key.pk,
            state="refused",
            error_type="billing_error",
            status=429,
            trace=trace,
            started_at=at,
            ended_at=at,
        ).save()

    def test_a_budget_that_refuses_is_told_once_per_window(self, acme: Tenant) -> None:
        key = actions.issue_key(actor="x", tenant=acme, name="ci").key
        give(key, MONTH)
        give(acme, MONTH)
        self.refuse(acme, key, "key")
        self.refuse(acme, key, "key")
        (alert,) = budgets.look_at_refusals(NOW, [acme.pk])
        assert alert.title == "Key ci is refused: no room in its $20 for November"
        assert budgets.look_at_refusals(NOW) == []
        self.refuse(acme, key, "tenant")
        assert [alert.title for alert in budgets.look_at_refusals(NOW)] == [
            "Acme Corp is refused: no room in its $20 for November"
        ]

    def test_old_refusals_and_those_of_others_are_not(self, acme: Tenant, globex: Tenant) -> None:
        key = actions.issue_key(actor="x", tenant=acme, name="ci").key
        give(key, MONTH)
        self.refuse(acme, key, "key", NOW - timedelta(minutes=6))
        assert budgets.look_at_refusals(NOW) == []
        self.refuse(acme, key, "key")
        assert budgets.look_at_refusals(NOW, [globex.pk]) == []


@pytest.mark.django_db
def test_two_that_cross_in_the_same_moment_make_one_event(acme: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    give(acme, MONTH)
    actions.add_channel(actor="x", tenant=acme, name="a", kind="email", recipients=["a@acme.example"])
    spend(acme, 20_000_000_000)
    rivals: list[Alert] = []

    def atomic_behind_a_rival() -> Any:
        """Between the look and the write of the one, the other does both."""
        monkeypatch.setattr(raising, "transaction", transaction)
        rivals.extend(budgets.look([acme.pk], NOW))
        return transaction.atomic()

    monkeypatch.setattr(raising, "transaction", SimpleNamespace(atomic=atomic_behind_a_rival))
    assert budgets.look([acme.pk], NOW) == []
    assert (len(rivals), Alert.objects.count(), Delivery.objects.count()) == (1, 1, 1)
