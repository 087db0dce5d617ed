"""Alerts and channels as people see and change them."""

import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from proxy.alerts import raising
from proxy.alerts.models import Alert, Delivery
from proxy.alerts.raising import Draft, Severity
from tenants import actions, queries
from tenants.models import AlertChannel, AuditEntry, Membership, Tenant
from tests.proxy.alerts import receiver

pytestmark = pytest.mark.django_db

URL = "https://hooks.example.com/x"
EVENTS = ["budget.blocked", "key.expiring"]


def happen(tenant: Tenant | None, title: str = "It happened", *, severity: Severity = Severity.BAD) -> Alert:
    kind = "budget.blocked" if tenant else "limits.degraded"
    alert = raising.record(Draft(kind, severity, title, "Why.", tenant), title + str(tenant), timezone.now())
    assert alert is not None
    return alert


def text(client: Client, path: str) -> str:
    return client.get(path).content.decode()


@pytest.fixture
def owner(client: Client, alice: User) -> Client:
    client.force_login(alice)
    return client


@pytest.fixture
def webhook(acme: Tenant) -> AlertChannel:
    return actions.add_channel(actor="x", tenant=acme, name="pager", kind="webhook", url=URL).channel


class TestList:
    def test_an_empty_one_says_what_will_be_there(self, owner: Client) -> None:
        assert "Nothing has happened yet" in text(owner, "/t/acme/alerts/")

    def test_it_shows_the_tenants_own_and_counts_them_on_the_bell(
        self, owner: Client, acme: Tenant, globex: Tenant
    ) -> None:
        happen(acme, "Ours is <b>full</b>")
        happen(acme, "News", severity=Severity.INFO)
        happen(globex, "Theirs is full")
        happen(None, "The store is away")
        page = text(owner, "/t/acme/alerts/")
        assert "Ours is &lt;b&gt;full&lt;/b&gt;" in page and "News" in page
        assert "Theirs" not in page and "The store" not in page
        assert 'aria-label="Alerts: 1 to look at"' in text(owner, "/t/acme/")

    def test_filters_leave_what_they_name(self, owner: Client, acme: Tenant) -> None:
        happen(acme, "Bad one")
        happen(acme, "Small one", severity=Severity.INFO)
        assert "Small one" not in text(owner, "/t/acme/alerts/?severity=bad")
        assert "No alert fits" in text(owner, "/t/acme/alerts/?kind=key.expiring")
        assert "Bad one" in text(owner, "/t/acme/alerts/?severity=nonsense&kind=%00&show=x&page=zz")

    def test_who_acknowledged_first_is_named(self, owner: Client, acme: Tenant, bob: User) -> None:
        alert = happen(acme)
        assert owner.post(f"/t/acme/alerts/{alert.pk}/acknowledge/").status_code == 302
        owner.force_login(bob)
        owner.post(f"/t/acme/alerts/{alert.pk}/acknowledge/", {"back": "https://evil.example/"})
        alert.refresh_from_db()
        assert alert.acknowledged_by == "alice"
        assert "Everything is acknowledged" in text(owner, "/t/acme/alerts/")
        assert "alice" in text(owner, "/t/acme/alerts/?show=acknowledged")

    def test_back_leads_nowhere_else(self, owner: Client, acme: Tenant) -> None:
        for back in ("https://evil.example/", "//evil.example", "/t/acme/alerts/?show=all"):
            answer = owner.post(f"/t/acme/alerts/{happen(acme, back).pk}/acknowledge/", {"back": back})
            assert answer.headers["location"].startswith("/t/acme/alerts/")

    def test_all_at_once_touches_no_other_tenants(self, owner: Client, acme: Tenant, globex: Tenant) -> None:
        happen(acme, "a")
        happen(acme, "b")
        theirs = happen(globex, "c")
        owner.post("/t/acme/alerts/acknowledge/")
        assert list(Alert.objects.filter(acknowledged_at=None)) == [theirs]

    def test_a_viewer_looks_and_changes_nothing(self, client: Client, acme: Tenant, webhook: AlertChannel) -> None:
        viewer = User.objects.create_user("vic")
        Membership.objects.create(user=viewer, tenant=acme, role="viewer")
        client.force_login(viewer)
        alert = happen(acme)
        assert "Acknowledge</button>" not in text(client, "/t/acme/alerts/")
        assert client.post(f"/t/acme/alerts/{alert.pk}/acknowledge/").status_code == 403
        assert client.get("/t/acme/alerts/channels/").status_code == 403
        assert client.post(f"/t/acme/alerts/channels/{webhook.pk}/test/").status_code == 403

    def test_staff_see_what_concerns_the_installation(self, admin_client: Client, acme: Tenant) -> None:
        happen(acme, "Ours")
        alert = happen(None, "The store is away")
        page = text(admin_client, "/platform/alerts/")
        assert "The store is away" in page and "Ours" not in page
        admin_client.post(f"/platform/alerts/{alert.pk}/acknowledge/")
        admin_client.post("/platform/alerts/acknowledge/")
        assert list(Alert.objects.filter(acknowledged_at=None).values_list("title", flat=True)) == ["Ours"]

    def test_it_takes_a_few_queries_however_many_there_are(
        self, owner: Client, acme: Tenant, webhook: AlertChannel, django_assert_max_num_queries: Any
    ) -> None:
        for number in range(30):
            happen(acme, f"n{number}")
        with django_assert_max_num_queries(18):
            text(owner, "/t/acme/alerts/")


class TestChannels:
    def test_an_empty_list_offers_both_kinds(self, owner: Client) -> None:
        page = text(owner, "/t/acme/alerts/channels/")
        assert "No channel yet" in page and "?kind=email" in page and "?kind=webhook" in page

    def test_a_webhooks_secret_is_shown_once_and_not_kept_by_the_browser(self, owner: Client) -> None:
        form = {"name": "pager", "url": URL, "events": EVENTS}
        answer = owner.post("/t/acme/alerts/channels/new/?kind=webhook", form)
        found = re.search(r"whsec_[A-Za-z0-9+/=]+", answer.content.decode())
        row = AlertChannel.objects.get()
        assert found and found[0] == queries.signing_secret_of(row)
        assert "no-store" in answer.headers["cache-control"]
        assert row.events == EVENTS
        assert "whsec_" not in text(owner, f"/t/acme/alerts/channels/{row.pk}/")
        assert AuditEntry.objects.get(action="channel.add").actor == "user:alice"

    def test_mails_need_addresses_and_say_where_there_is_no_server(self, owner: Client, settings: Any) -> None:
        settings.EMAIL_HOST = ""
        path = "/t/acme/alerts/channels/new/?kind=email"
        assert "LLMP_EMAIL_URL" in text(owner, path)
        assert owner.post(path, {"name": "team", "recipients": "nobody", "events": EVENTS}).status_code == 422
        owner.post(path, {"name": "team", "recipients": "a@acme.example\nb@acme.example", "events": EVENTS})
        assert AlertChannel.objects.get().recipients == ["a@acme.example", "b@acme.example"]

    @pytest.mark.parametrize("url", ["http://hooks.example.com/x", "https://10.0.0.1/x", "https://localhost:99/x", ""])
    def test_an_address_inside_is_refused_beside_its_field(self, owner: Client, url: str) -> None:
        if "localhost" in url:
            url = "https://metadata.google.internal/x"
        answer = owner.post("/t/acme/alerts/channels/new/?kind=webhook", {"name": "x", "url": url, "events": EVENTS})
        assert answer.status_code == 422 and 'id="id_url_error"' in answer.content.decode()
        assert not AlertChannel.objects.exists()

    def test_no_kind_of_event_is_a_mistake(self, owner: Client, webhook: AlertChannel) -> None:
        answer = owner.post(f"/t/acme/alerts/channels/{webhook.pk}/", {"name": "pager", "url": URL})
        assert "Choose at least one kind" in answer.content.decode()

    def test_it_is_changed_paused_rotated_and_removed(self, owner: Client, webhook: AlertChannel) -> None:
        base = f"/t/acme/alerts/channels/{webhook.pk}"
        owner.post(f"{base}/", {"name": "on call", "url": URL, "events": ["key.expiring"]})
        owner.post(f"{base}/pause/")
        row = AlertChannel.objects.get()
        assert (row.name, row.events, row.is_enabled) == ("on call", ["key.expiring"], False)
        assert "It is paused" in text(owner, f"{base}/")
        owner.post(f"{base}/pause/")
        answer = owner.post(f"{base}/rotate/")
        assert queries.signing_secret_of(AlertChannel.objects.get()) in answer.content.decode()
        owner.post(f"{base}/delete/")
        assert not AlertChannel.objects.exists()
        done = list(AuditEntry.objects.order_by("revision").values_list("action", flat=True))
        assert done[-5:] == ["channel.change", "channel.change", "channel.change", "channel.rotate", "channel.delete"]

    def test_a_test_says_what_was_answered(self, owner: Client, acme: Tenant) -> None:
        with receiver.listening() as there:
            made = actions.add_channel(actor="x", tenant=acme, name="local", kind="webhook", url=there.url)
            path = f"/t/acme/alerts/channels/{made.channel.pk}/test/"
            assert "HTTP 204" in owner.post(path).content.decode()
            there.answer = receiver.status(500)
            assert "it answered HTTP 500" in owner.post(path).content.decode()
        assert there.received[0].is_signed_by(made.secret)
        assert "A test of local" in text(owner, f"/t/acme/alerts/channels/{made.channel.pk}/")

    def test_a_message_that_was_given_up_is_sent_again_under_its_id(
        self, owner: Client, acme: Tenant, webhook: AlertChannel
    ) -> None:
        happen(acme)
        Delivery.objects.update(state="dead", error="it answered HTTP 503", attempts=8)
        page = text(owner, f"/t/acme/alerts/channels/{webhook.pk}/")
        assert "Given up" in page and "it answered HTTP 503" in page
        delivery = Delivery.objects.get()
        owner.post(f"/t/acme/alerts/channels/{webhook.pk}/deliveries/{delivery.pk}/again/")
        delivery.refresh_from_db()
        assert (delivery.state, delivery.attempts) == ("pending", 0)

    def test_a_message_of_another_channel_is_not_found(
        self, owner: Client, acme: Tenant, webhook: AlertChannel, globex: Tenant
    ) -> None:
        actions.add_channel(actor="x", tenant=globex, name="theirs", kind="webhook", url=URL)
        happen(globex)
        theirs = Delivery.objects.get()
        path = f"/t/acme/alerts/channels/{webhook.pk}/deliveries/{theirs.pk}/again/"
        assert owner.post(path).status_code == 404


def test_the_admin_shows_and_changes_nothing(admin_client: Client, acme: Tenant, webhook: AlertChannel) -> None:
    alert = happen(acme)
    delivery = Delivery.objects.get()
    for path in (f"alerts/alert/{alert.pk}", f"alerts/delivery/{delivery.pk}", f"tenants/alertchannel/{webhook.pk}"):
        assert admin_client.get(f"/admin/{path}/change/").status_code == 200
        assert admin_client.post(f"/admin/{path}/change/", {"title": "x"}).status_code == 403
        assert admin_client.post(f"/admin/{path}/delete/", {"post": "yes"}).status_code == 403
        assert admin_client.get(f"/admin/{path.rpartition('/')[0]}/").status_code == 200
