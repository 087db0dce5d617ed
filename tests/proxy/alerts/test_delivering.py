"""Webhooks arrive signed, at least once, and are given up in the end; hostile receivers get nothing out of it."""

import asyncio
import threading
import time
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from typing import Any

import orjson
import pytest
from django.core.management import CommandError, call_command

from proxy.alerts import delivering, payload, queue, raising, webhooks
from proxy.alerts.models import Alert, Delivery
from tenants import actions, destinations, queries
from tenants.models import AlertChannel, Tenant
from tests.proxy.alerts import receiver
from tests.proxy.alerts.receiver import Receiver

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def channel(tenant: Tenant, url: str, name: str = "pager") -> tuple[AlertChannel, str]:
    made = actions.add_channel(actor="x", tenant=tenant, name=name, kind="webhook", url=url)
    return made.channel, made.secret


def happen(tenant: Tenant, key: str = "one") -> Alert:
    facts = {"spent": 9, "threshold_percent": 90}
    draft = raising.Draft("budget.threshold", raising.Severity.WARN, "It happened", "Look.", tenant, facts=facts)
    alert = raising.record(draft, key, NOW)
    assert alert is not None
    return alert


@pytest.fixture
def there() -> Any:
    with receiver.listening() as found:
        yield found


def test_a_message_arrives_once_with_a_signature_that_holds(acme: Tenant, there: Receiver) -> None:
    _row, secret = channel(acme, there.url + "/hook")
    alert = happen(acme)
    assert (delivering.send_due(NOW), delivering.send_due(NOW)) == (1, 0)
    (got,) = there.received
    assert got.is_signed_by(secret) and not got.is_signed_by("whsec_" + "A" * 43 + "=")
    assert got.headers["webhook-id"] == alert.pk
    assert int(got.headers["webhook-timestamp"]) == int(NOW.timestamp())
    message = orjson.loads(got.body)
    assert (message["id"], message["type"]) == (alert.pk, "budget.threshold")
    assert message["timestamp"] == "2026-11-24T12:00:00.000Z"
    assert message["data"]["tenant"] == {"id": str(acme.pk), "slug": "acme"}
    assert message["data"]["threshold_percent"] == 90
    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.status, delivery.attempts, len(delivery.tries)) == ("delivered", 204, 1, 1)


def test_during_a_rotation_both_secrets_sign_and_then_the_new_one_alone(acme: Tenant, there: Receiver) -> None:
    row, old = channel(acme, there.url)
    new = actions.rotate_channel_secret(actor="x", channel=row, at=NOW).secret
    happen(acme)
    delivering.send_due(NOW)
    happen(acme, "two")
    delivering.send_due(NOW + timedelta(hours=25))
    first, second = there.received
    assert first.is_signed_by(old) and first.is_signed_by(new)
    assert second.is_signed_by(new) and not second.is_signed_by(old)


def test_an_empty_secret_signs_nothing() -> None:
    with pytest.raises(ValueError, match="empty secret"):
        payload.sign("whsec_", "id", "1", b"")


def test_a_worker_that_dies_between_sending_and_writing_it_down_sends_it_again_under_the_same_id(
    acme: Tenant, there: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    channel(acme, there.url)
    alert = happen(acme)
    with monkeypatch.context() as dying:
        dying.setattr(queue, "record", lambda *_given: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            delivering.send_due(NOW)
    assert delivering.send_due(NOW + timedelta(seconds=30)) == 0  # it may be under way still
    assert delivering.send_due(NOW + timedelta(seconds=61)) == 1
    assert [got.headers["webhook-id"] for got in there.received] == [alert.pk, alert.pk]
    assert there.received[0].body == there.received[1].body
    assert Delivery.objects.get().state == "delivered"


def test_of_two_workers_one_gets_it(acme: Tenant, there: Receiver) -> None:
    channel(acme, there.url)
    happen(acme)
    (first,), (second,) = list(queue.pending(NOW)), list(queue.pending(NOW))
    assert [queue.claim(first, NOW), queue.claim(second, NOW)] == [True, False]


def test_it_is_tried_again_with_longer_pauses_and_given_up_with_the_reason(acme: Tenant, there: Receiver) -> None:
    channel(acme, there.url)
    happen(acme)
    there.answer = receiver.status(503)
    at, pauses = NOW, []
    while Delivery.objects.get().state == "pending":
        assert delivering.send_due(at) == 1
        delivery = Delivery.objects.get()
        pauses.append((delivery.next_at - at) / timedelta(seconds=1))
        at = max(delivery.next_at, at + timedelta(seconds=1))
    assert len(there.received) == len(queue.RETRIES) + 1 == delivery.attempts
    for pause, planned in zip(pauses, queue.RETRIES, strict=False):
        assert 0.8 * planned.total_seconds() <= pause <= 1.2 * planned.total_seconds()
    assert (delivery.state, delivery.status, delivery.error) == ("dead", 503, "it answered HTTP 503")
    assert len(delivery.tries) == delivery.attempts
    there.answer = receiver.status(200)
    queue.again(delivery, at)
    assert delivering.send_due(at) == 1
    assert Delivery.objects.get().state == "delivered"
    assert len({got.headers["webhook-id"] for got in there.received}) == 1


def test_who_is_gone_is_not_asked_again(acme: Tenant, there: Receiver) -> None:
    channel(acme, there.url)
    happen(acme)
    there.answer = receiver.status(410)
    delivering.send_due(NOW)
    assert Delivery.objects.get().state == "dead"


def test_one_channel_with_thousands_waiting_does_not_keep_the_others(acme: Tenant, there: Receiver) -> None:
    busy, _secret = channel(acme, there.url)
    for number in range(30):
        happen(acme, f"n{number}")
    actions.change_channel(actor="x", channel=busy, url=there.url + "/busy")
    channel(acme, there.url, "other")
    happen(acme, "last")
    assert delivering.send_due(NOW) == 6


def test_a_paused_channel_is_sent_nothing_until_it_goes_on(acme: Tenant, there: Receiver) -> None:
    row, _secret = channel(acme, there.url)
    happen(acme)
    row = actions.change_channel(actor="x", channel=row, is_enabled=False)
    assert delivering.send_due(NOW) == 0
    actions.change_channel(actor="x", channel=row, is_enabled=True)
    assert delivering.send_due(NOW) == 1


def test_a_secret_that_does_not_open_is_said_and_nothing_is_sent(acme: Tenant, there: Receiver) -> None:
    channel(acme, there.url)
    happen(acme)
    AlertChannel.objects.update(secret=b"0" * 60)
    delivering.send_due(NOW)
    assert "cannot be opened" in Delivery.objects.get().error and there.received == []


class TestHostileReceivers:
    def send(self, url: str, **options: Any) -> webhooks.Outcome:
        (outcome,) = webhooks.post([webhooks.Message(url, {"webhook-id": "evt_1"}, b"{}")], **options)
        return outcome

    def test_a_redirect_to_the_metadata_service_is_not_followed(self, there: Receiver) -> None:
        there.answer = receiver.status(302, location="http://169.254.169.254/latest/meta-data/")
        outcome = self.send(there.url)
        assert (outcome.status, outcome.error) == (302, "it answered HTTP 302: redirects are not followed")

    def test_a_redirect_back_to_itself_is_asked_once(self, there: Receiver) -> None:
        there.answer = receiver.status(307, location=there.url)
        self.send(there.url)
        assert len(there.received) == 1

    def test_one_that_does_not_answer_costs_no_more_than_its_time(self, there: Receiver) -> None:
        release = threading.Event()
        there.answer = lambda handler: (release.wait(20), None)[1]
        started = time.monotonic()
        outcome = self.send(there.url, seconds=0.3)
        release.set()
        assert outcome.error == "no answer within 0.3 s" and time.monotonic() - started < 5

    def test_one_that_trickles_its_headers_is_given_up_in_the_same_time(self, there: Receiver) -> None:
        release = threading.Event()

        def trickle(handler: BaseHTTPRequestHandler) -> None:
            handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
            while not release.wait(0.02):
                handler.wfile.write(b"x: y\r\n")

        there.answer = trickle
        outcome = self.send(there.url, seconds=0.3)
        release.set()
        assert outcome.error

    def test_a_huge_answer_is_not_read(self, there: Receiver) -> None:
        sent, size = [0], 512 * 1024 * 1024

        def flood(handler: BaseHTTPRequestHandler) -> None:
            handler.send_response(200)
            handler.send_header("content-length", str(size))
            handler.end_headers()
            try:
                while sent[0] < size:
                    sent[0] += handler.connection.send(b"x" * 65536)
            except OSError:
                return

        there.answer = flood
        outcome = self.send(there.url)
        assert outcome.error == "" and sent[0] < 32 * 1024 * 1024

    def test_a_name_that_leads_inside_when_it_is_connected_to_is_refused(
        self, acme: Tenant, there: Receiver, settings: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """DNS rebinding: a public address when it is saved, our own when it is used."""
        port = there.url.rpartition(":")[2]
        settings.CONFIG = settings.CONFIG.model_copy(update={"private_upstreams": ""})
        monkeypatch.setattr(destinations, "lookup", lambda host: ["93.184.216.34"])
        monkeypatch.setattr(destinations, "PUBLIC_PORTS", frozenset({443, int(port)}))
        row, _secret = channel(acme, f"https://rebind.example.com:{port}/x")
        happen(acme)

        async def rebound(self: Any, host: str, port: int, **options: Any) -> Any:
            return [(2, 1, 6, "", ("127.0.0.1", port))]

        monkeypatch.setattr(asyncio.BaseEventLoop, "getaddrinfo", rebound)
        delivering.send_due(NOW)
        assert "not a public address" in Delivery.objects.get(channel=row).error
        assert there.received == []

    def test_an_address_that_is_forbidden_since_is_not_called(
        self, acme: Tenant, there: Receiver, settings: Any
    ) -> None:
        channel(acme, there.url)
        happen(acme)
        settings.CONFIG = settings.CONFIG.model_copy(update={"private_upstreams": ""})
        delivering.send_due(NOW)
        assert Delivery.objects.get().state == "pending" and there.received == []

    def test_slow_ones_do_not_keep_each_other_waiting(self, there: Receiver) -> None:
        release = threading.Event()
        there.answer = lambda handler: (release.wait(20), None)[1]
        started = time.monotonic()
        message = webhooks.Message(there.url, {}, b"{}")
        outcomes = webhooks.post([message] * 20, seconds=1.0)
        release.set()
        assert all(outcome.error for outcome in outcomes) and time.monotonic() - started < 10


def test_no_secret_is_shown_by_repr(acme: Tenant, there: Receiver) -> None:
    row, secret = channel(acme, there.url)
    message = webhooks.Message(row.url, {"webhook-signature": secret}, secret.encode())
    assert secret not in repr(message) and queries.signing_secret_of(row) == secret


class TestCommand:
    def test_it_sends_a_test_and_says_what_was_answered(self, acme: Tenant, there: Receiver, capsys: Any) -> None:
        _row, secret = channel(acme, there.url)
        call_command("send_test_alert", "acme", "pager")
        assert "acme/pager took the test (HTTP 204)" in capsys.readouterr().out
        (got,) = there.received
        assert got.is_signed_by(secret) and orjson.loads(got.body)["type"] == "test"

    def test_what_fails_or_does_not_exist_is_said(self, acme: Tenant, there: Receiver) -> None:
        channel(acme, there.url)
        there.answer = receiver.status(301, location="http://169.254.169.254/")
        with pytest.raises(CommandError, match="redirects are not followed"):
            call_command("send_test_alert", "acme", "pager")
        with pytest.raises(CommandError, match="acme has no alert channel nobody"):
            call_command("send_test_alert", "acme", "nobody")
