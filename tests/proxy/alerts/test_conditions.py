"""Upstreams that fail and recover, keys that end, the store of limits, the audit trail, and forgetting."""

from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from proxy.alerts import keys, platform, raising, retention, upstreams
from proxy.alerts.models import Alert, Delivery
from tenants import actions, audit
from tenants.models import AuditEntry, Tenant, Upstream
from tests.admin_ui.calls import record

pytestmark = pytest.mark.django_db


@pytest.fixture
def upstream(acme: Tenant) -> Upstream:
    return actions.add_upstream(actor="x", tenant=acme, name="main", kind="simulator")


def calls(upstream: Upstream, at: datetime, *, failed: int = 0, answered: int = 0, status: int = 502) -> None:
    tenant, ids = upstream.tenant, {"upstream_id": upstream.pk, "started_at": at, "ended_at": at}
    for number in range(failed + answered):
        state = {"state": "failed", "status": status} if number < failed else {}
        record(tenant, **ids, **state).save()


def kinds() -> list[str]:
    return list(Alert.objects.order_by("at", "natural_key").values_list("kind", flat=True))


class TestUpstreams:
    def test_it_fails_and_answers_again_each_told_once(self, upstream: Upstream) -> None:
        now = timezone.now()
        calls(upstream, now, failed=3, answered=5)
        (failing,) = upstreams.look(now)
        assert (failing.title, failing.facts["failed"]) == ("Upstream main fails", 3)
        assert upstreams.look(now) == []
        later = now + timedelta(minutes=16)
        calls(upstream, later, answered=1)
        (recovered,) = upstreams.look(later)
        assert recovered.kind == "upstream.recovered" and upstreams.look(later) == []
        failing.refresh_from_db()
        assert failing.resolved_at == later

    def test_what_flaps_is_not_told_for_ever(self, upstream: Upstream) -> None:
        now = timezone.now()
        for minutes in range(0, 12, 6):
            at = now + timedelta(minutes=minutes)
            calls(upstream, at, failed=9)
            upstreams.look(at)
            calls(upstream, at + timedelta(minutes=5, seconds=30), answered=1)
            upstreams.look(at + timedelta(minutes=5, seconds=30))
        assert kinds() == ["upstream.failing", "upstream.recovered"]

    @pytest.mark.parametrize(("failed", "answered", "status"), [(2, 0, 502), (3, 50, 502), (9, 0, 400)])
    def test_few_failures_and_clients_mistakes_are_nothing(
        self, upstream: Upstream, failed: int, answered: int, status: int
    ) -> None:
        now = timezone.now()
        calls(upstream, now, failed=failed, answered=answered, status=status)
        assert upstreams.look(now) == []

    def test_one_that_is_switched_off_while_it_fails_is_over_in_silence(self, upstream: Upstream) -> None:
        now = timezone.now()
        calls(upstream, now, failed=3)
        upstreams.look(now)
        actions.change_upstream(actor="x", upstream=upstream, is_enabled=False)
        assert upstreams.look(now) == []
        assert Alert.objects.get().resolved_at == now


class TestKeys:
    def test_a_week_and_a_day_before_its_end(self, acme: Tenant) -> None:
        now = timezone.now()
        actions.issue_key(actor="x", tenant=acme, name="ci", expires_at=now + timedelta(days=10))
        found = [[alert.title for alert in keys.look(now + timedelta(days=day))] for day in (0, 3, 4, 9, 9.5, 11)]
        assert found == [[], ["Key ci expires within 7 days"], [], ["Key ci expires within a day"], [], []]

    def test_revoked_ones_are_nobodys_worry_and_another_date_is_another_warning(self, acme: Tenant) -> None:
        now = timezone.now()
        gone = actions.issue_key(actor="x", tenant=acme, name="a", expires_at=now + timedelta(days=2)).key
        kept = actions.issue_key(actor="x", tenant=acme, name="b", expires_at=now + timedelta(days=2)).key
        actions.revoke_key(actor="x", key=gone)
        assert len(keys.look(now)) == 1
        actions.change_key(actor="x", key=kept, expires_at=now + timedelta(days=3))
        assert len(keys.look(now)) == 1


class TestPlatform:
    def test_a_store_that_is_away_is_told_to_the_operators_and_its_return_too(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        now = timezone.now()
        away = "redis://127.0.0.1:1/0"
        alert = platform.look_at_store(away, now, may_end=False)
        assert alert is not None and alert.tenant_id is None
        assert Delivery.objects.get().channel is None
        assert platform.look_at_store(away, now, may_end=True) is None
        monkeypatch.setattr(platform, "_ping", lambda url: "")
        assert platform.look_at_store(away, now, may_end=False) is None  # others may not reach it yet
        back = platform.look_at_store(away, now, may_end=True)
        assert back is not None and back.kind == "limits.restored"

    def test_without_a_store_there_is_nothing_to_tell(self) -> None:
        assert platform.look_at_store("", timezone.now(), may_end=True) is None

    def test_an_altered_trail_is_told(self, acme: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
        actions.change_tenant(actor="x", tenant=acme, name="Acme")
        assert platform.look_at_audit(timezone.now()) is None
        broken = audit.Verdict(audit.Head(1, "0" * 64), ("entry 1 was altered",))
        with monkeypatch.context() as patch:
            patch.setattr(audit, "verify", lambda: broken)
            alert = platform.look_at_audit(timezone.now())
            assert alert is not None and "entry 1 was altered" in alert.text
            assert platform.look_at_audit(timezone.now()) is None
        assert AuditEntry.objects.exists()
        mended = platform.look_at_audit(timezone.now())
        assert mended is not None and mended.kind == "audit.intact"


def test_old_alerts_are_forgotten_with_their_deliveries_but_not_what_still_holds(upstream: Upstream) -> None:
    now = timezone.now()
    old = now - timedelta(days=91)
    draft = raising.Draft("audit.broken", raising.Severity.BAD, "old")
    raising.record(draft, "one", old)
    raising.begin("audit", draft, old)
    raising.record(draft, "two", now)
    assert retention.forget(now, days=90) == 1
    assert sorted(Alert.objects.values_list("natural_key", flat=True)) == ["audit:after:nothing", "two"]
    assert Delivery.objects.count() == 2
