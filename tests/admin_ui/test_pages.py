"""Each page for each role, for the outsider, and with bounded queries."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from admin_ui.views import health
from proxy.doctor import local
from proxy.privacy.detection.detector import Detector
from tenants import actions
from tenants.models import ApiKey, AuditEntry, Membership, Tenant, Upstream
from tests.admin_ui.calls import record
from tests.proxy.ledger.calls import keep

EVERYBODY = ("owner", "admin", "member", "viewer")
MANAGERS = ("owner", "admin")
MOST_QUERIES = 20

Person = Callable[[str], User]


@pytest.fixture
def person(acme: Tenant) -> Person:
    """A member of acme with this role, or platform staff."""

    def make(role: str) -> User:
        if role == "staff":
            return User.objects.create_superuser("root")
        user = User.objects.create_user(f"the-{role}")
        Membership.objects.create(user=user, tenant=acme, role=role)
        return user

    return make


@pytest.fixture
def key(acme: Tenant) -> ApiKey:
    return actions.issue_key(actor="x", tenant=acme, name="ci").key


@pytest.fixture
def upstream(acme: Tenant) -> Upstream:
    return actions.add_upstream(actor="x", tenant=acme, name="main", kind="simulator")


@pytest.fixture
def paths(key: ApiKey, upstream: Upstream, alice: User, acme: Tenant) -> dict[str, tuple[str, ...]]:
    """The pages of acme, and the roles that may open each."""
    invited = actions.invite(actor="x", tenant=acme, invited_by=alice, role="member", note="D", at=timezone.now())
    return {
        "": EVERYBODY,
        "checklist/": EVERYBODY,
        "keys/": EVERYBODY,
        "keys/new/": MANAGERS,
        f"keys/{key.pk}/": EVERYBODY,
        f"keys/{key.pk}/rotate/": MANAGERS,
        f"keys/{key.pk}/revoke/": MANAGERS,
        "members/": EVERYBODY,
        "members/invite/": MANAGERS,
        f"members/invitations/{invited.invitation.pk}/withdraw/": MANAGERS,
        "members/alice/role/": ("owner",),
        "members/alice/remove/": ("owner",),
        "upstreams/": EVERYBODY,
        "upstreams/new/": MANAGERS,
        f"upstreams/{upstream.pk}/": MANAGERS,
        f"upstreams/{upstream.pk}/delete/": MANAGERS,
        "limits/": EVERYBODY,
        f"limits/keys/{key.pk}/": EVERYBODY,
        "settings/": MANAGERS,
        "settings/suspend/": (),
    }


@pytest.mark.parametrize("role", [*EVERYBODY, "staff"])
def test_each_role_opens_its_pages_and_no_others(
    client: Client, person: Person, paths: dict[str, tuple[str, ...]], role: str
) -> None:
    client.force_login(person(role))
    for path, allowed in paths.items():
        expected = 200 if role == "staff" or role in allowed else 404 if path == "settings/suspend/" else 403
        assert client.get(f"/t/acme/{path}").status_code == expected, path


def test_to_the_outsider_nothing_of_it_exists(client: Client, paths: dict[str, tuple[str, ...]], charlie: User) -> None:
    client.force_login(charlie)
    before = AuditEntry.objects.count()
    missing = client.get("/t/nowhere/").content
    for path in paths:
        for answer in (client.get(f"/t/acme/{path}"), client.post(f"/t/acme/{path}", {})):
            assert answer.status_code in (404, 405), path
            assert answer.status_code == 405 or answer.content == missing, path
        within = client.get(f"/t/globex/{path}")  # acme's keys and upstreams, asked for in the own tenant
        if any(character.isdigit() for character in path) or "alice" in path:
            assert within.status_code == 404 and within.content == missing, path
    assert AuditEntry.objects.count() == before


@pytest.mark.parametrize("path", ["/platform/", "/platform/tenants/new/", "/platform/health/"])
def test_the_platform_exists_for_staff_alone(client: Client, person: Person, path: str) -> None:
    client.force_login(person("owner"))
    assert client.get(path).status_code == 404
    User.objects.filter(username="the-owner").update(is_staff=True)
    assert client.get(path).status_code == 404
    client.force_login(person("staff"))
    assert client.get(path).status_code == 200


def test_the_health_page_tells_how_this_processs_privacy_workers_are(
    client: Client, person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local, "check", lambda: iter(()))
    client.force_login(person("staff"))
    assert "has not started to serve calls" in client.get("/platform/health/?findings=1").content.decode()
    monkeypatch.setattr(health, "detector_of", lambda _request: Detector(workers=2, deadline_seconds=1))
    assert "no tenant looks for personal data" in client.get("/platform/health/?findings=1").content.decode()


@pytest.mark.parametrize("path", ["/t/acme/", "/t/acme/keys/", "/t/acme/upstreams/", "/t/acme/members/", "/platform/"])
def test_queries_do_not_grow_with_rows(client: Client, person: Person, acme: Tenant, path: str) -> None:
    client.force_login(person("staff"))

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert client.get(path).status_code == 200
        return len(captured)

    fill(acme, "few", 2)
    queries()
    few = queries()
    fill(acme, "many", 100)
    assert queries() <= few <= MOST_QUERIES


def fill(tenant: Tenant, name: str, rows: int) -> None:
    for number in range(rows):
        key = actions.issue_key(actor="x", tenant=tenant, name=f"{name}-{number}").key
        Upstream.objects.create(tenant=tenant, name=f"{name}-{number}", kind="simulator")
        user = User.objects.create_user(f"{name}-{number}")
        Membership.objects.create(user=user, tenant=tenant, role="viewer")
        Tenant.objects.create(slug=f"{name}-{number}", name=name)
        keep([record(tenant, key_id=key.pk, key_name=key.name)])


def test_home_adds_up_what_happened(client: Client, alice: User, acme: Tenant, globex: Tenant) -> None:
    rows = [record(acme) for _ in range(8)]
    rows += [record(acme, state="refused", status=429, error_type="rate_limit_error", cost_nano_usd=0)]
    rows += [record(acme, state="failed", status=529, error_type="overloaded_error", cost_nano_usd=0)]
    rows += [record(acme, state="dry_run"), record(acme, started_at=timezone.now() - timedelta(days=3))]
    rows += [record(globex, key_name="of-globex", model_asked="theirs") for _ in range(50)]
    keep(rows)
    client.force_login(alice)
    page = client.get("/t/acme/")
    totals = page.context["totals"]
    assert (totals.requests, totals.refused, totals.failed) == (10, 1, 1)
    assert (totals.tokens, totals.cost_nano_usd) == (1200, 8 * 1_500_000)
    assert page.context["first_byte_times"].p50 == pytest.approx(300_000, rel=0.045)
    text = page.content.decode()
    assert "429 rate_limit_error" in text and "state=" not in text
    assert "of-globex" not in text and "theirs" not in text
    assert client.get("/t/acme/?range=7d").context["totals"].requests == 11
    assert sum(client.get("/t/acme/").context["charts"][0].legend[0].values) == 8


@pytest.mark.parametrize(
    "query",
    [
        "range=1h",
        "range=30d",
        "range=nonsense",
        "from=x&to=y",
        "from=2026-01-01T00:00&to=2026-01-02T00:00",
        "from=2030-01-01T00:00",
        "from=0001-01-01T00:00&to=9999-12-31T23:59",
    ],
)
def test_any_range_in_the_address_is_answered(client: Client, alice: User, query: str) -> None:
    client.force_login(alice)
    assert client.get(f"/t/acme/?{query}").status_code == 200


def test_the_checklist_ticks_from_what_is_there(client: Client, alice: User, acme: Tenant) -> None:
    client.force_login(alice)

    def page() -> str:
        return client.get("/t/acme/checklist/").content.decode()

    assert page().count("Done") == 0 and "Connect an upstream" in page()
    actions.add_upstream(actor="x", tenant=acme, name="main", kind="simulator")
    actions.issue_key(actor="x", tenant=acme, name="ci")
    assert page().count("Done") == 2 and 'hx-trigger="every 2s"' in page()
    record(acme, model_asked="claude-<b>bold").save()
    assert page().count("Done") == 3 and "hx-trigger" not in page()
    assert "claude-&lt;b&gt;bold" in page()


def test_a_checklist_that_did_not_change_is_not_sent_again(client: Client, alice: User, acme: Tenant) -> None:
    client.force_login(alice)
    seen = client.get("/t/acme/").context["seen"]
    assert client.get("/t/acme/checklist/", {"seen": seen}).status_code == 204
    actions.issue_key(actor="x", tenant=acme, name="ci")
    assert client.get("/t/acme/checklist/", {"seen": seen}).status_code == 200


def test_a_failing_upstream_is_announced(client: Client, alice: User, acme: Tenant, upstream: Upstream) -> None:
    keep(record(acme, upstream_id=upstream.pk, state="failed") for _ in range(5))
    client.force_login(alice)
    assert "main is failing" in client.get("/t/acme/").content.decode()
    assert "Failing" in client.get("/t/acme/upstreams/").content.decode()


def test_hostile_names_are_shown_as_text(client: Client, alice: User, acme: Tenant) -> None:
    evil = '"><img src=x onerror=alert(1)>'
    actions.change_tenant(actor="x", tenant=acme, name=evil)
    key = actions.issue_key(actor="x", tenant=acme, name=evil).key
    actions.add_upstream(actor="x", tenant=acme, name=evil, kind="simulator")
    record(
        acme, key_id=key.pk, key_name=evil, model_asked=evil, error_type=evil[:60], state="refused", status=400
    ).save()
    client.force_login(alice)
    for path in ("", "keys/", f"keys/{key.pk}/", f"keys/{key.pk}/revoke/", "upstreams/", "members/", "settings/"):
        page = client.get(f"/t/acme/{path}").content.decode()
        assert "<img src=x" not in page and "&lt;img src=x" in page, path
