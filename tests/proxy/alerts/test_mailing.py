"""Mails: a storm is one, and what cannot be sent says why."""

import smtplib
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core import mail
from pydantic import ValidationError

from proxy import mail as mail_server
from proxy.alerts import delivering, raising
from proxy.alerts.models import Delivery
from proxy.config import Config
from tenants import actions
from tenants.models import AlertChannel, Tenant

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def server(settings: Any) -> None:
    settings.EMAIL_HOST = "mail.acme.example"


@pytest.fixture
def team(acme: Tenant) -> AlertChannel:
    made = actions.add_channel(
        actor="x", tenant=acme, name="team", kind="email", recipients=["a@acme.example", "b@acme.example"]
    )
    return made.channel


def happen(tenant: Tenant | None, key: str, at: datetime = NOW, title: str = "It happened") -> None:
    kind = "budget.blocked" if tenant else "limits.degraded"
    raising.record(raising.Draft(kind, raising.Severity.BAD, title, "Why.", tenant), key, at)


def test_a_storm_is_one_mail_and_the_rest_comes_five_minutes_later(acme: Tenant, team: AlertChannel) -> None:
    for number in range(200):
        happen(acme, f"n{number}")
    assert delivering.send_due(NOW) == 0  # others may share it
    assert delivering.send_due(NOW + timedelta(seconds=10)) == 200
    happen(acme, "later", NOW + timedelta(seconds=20))
    assert delivering.send_due(NOW + timedelta(minutes=4)) == 0
    assert delivering.send_due(NOW + timedelta(minutes=6)) == 1
    storm, later = mail.outbox
    assert storm.subject == "[LLM Proxy] Acme Corp: 200 alerts" and "And 150 more." in storm.body
    assert storm.to == ["a@acme.example", "b@acme.example"]
    assert later.subject == "[LLM Proxy] Acme Corp: It happened"
    assert "/t/acme/alerts/" in later.body
    assert set(Delivery.objects.values_list("state", flat=True)) == {"delivered"}


def test_what_concerns_the_installation_goes_to_superusers_with_an_address(acme: Tenant, team: AlertChannel) -> None:
    User.objects.create_superuser("root", "root@ops.example")
    User.objects.create_superuser("mute")
    happen(None, "store")
    delivering.send_due(NOW + timedelta(seconds=10))
    assert [message.to for message in mail.outbox] == [["root@ops.example"]]


def test_without_a_mail_server_it_is_given_up_at_once_with_the_remedy(
    acme: Tenant, team: AlertChannel, settings: Any
) -> None:
    settings.EMAIL_HOST = ""
    happen(acme, "one")
    delivering.send_due(NOW + timedelta(seconds=10))
    delivery = Delivery.objects.get()
    assert (delivery.state, mail.outbox) == ("dead", [])
    assert "LLMP_EMAIL_URL" in delivery.error


def test_a_server_that_refuses_is_asked_again(
    acme: Tenant, team: AlertChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_given: Any) -> None:
        raise smtplib.SMTPServerDisconnected("password hunter2 refused")

    monkeypatch.setattr("django.core.mail.message.EmailMessage.send", refuse)
    happen(acme, "one")
    delivering.send_due(NOW + timedelta(seconds=10))
    delivery = Delivery.objects.get()
    assert delivery.state == "pending" and "hunter2" not in delivery.error


def test_a_title_of_two_lines_cannot_add_a_header(acme: Tenant, team: AlertChannel) -> None:
    happen(acme, "one", title="Hello\r\nBcc: evil@example.com")
    delivering.send_due(NOW + timedelta(seconds=10))
    assert [message.message()["Bcc"] for message in mail.outbox] == [None]


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("", mail_server.MailServer()),
        (
            "smtp://me%40x:p%2Fw@mail.example:2525?from=a@b.example",
            mail_server.MailServer("mail.example", 2525, "me@x", "p/w", True, False, "a@b.example"),
        ),
        (
            "smtps://mail.example?from=a@b.example",
            mail_server.MailServer("mail.example", 465, "", "", False, True, "a@b.example"),
        ),
        (
            "smtp://localhost:25?from=a@b.example&tls=no",
            mail_server.MailServer("localhost", 25, "", "", False, False, "a@b.example"),
        ),
    ],
)
def test_the_mail_server_is_one_url(url: str, found: mail_server.MailServer) -> None:
    assert mail_server.parse(url) == found


@pytest.mark.parametrize("url", ["mail.example", "smtp://mail.example", "http://x?from=a@b", "smtp://x?from=a@b&x=1"])
def test_a_wrong_url_stops_the_start(url: str) -> None:
    with pytest.raises(ValidationError, match="must look like smtp://"):
        Config(LLMP_EMAIL_URL=url)  # type: ignore[call-arg]
