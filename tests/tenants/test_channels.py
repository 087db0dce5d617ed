"""Channels that alerts are sent through: their rules, and their signing secrets."""

from datetime import UTC, datetime, timedelta

import pytest
from django.core.exceptions import ValidationError
from django.test import override_settings

from tenants import access, actions, destinations, queries, secrets
from tenants.actions import channels
from tenants.models import AlertChannel, AuditEntry, Tenant
from tenants.models.alerts import all_event_kinds

AT = datetime(2026, 11, 24, 12, tzinfo=UTC)
URL = "https://hooks.example.com/llm-proxy"


@pytest.fixture
def webhook(acme: Tenant) -> actions.IssuedChannel:
    return actions.add_channel(actor="alice", tenant=acme, name="pager", kind="webhook", url=URL)


def test_a_webhook_gets_a_secret_that_is_stored_sealed_and_named_nowhere(webhook: actions.IssuedChannel) -> None:
    row = AlertChannel.objects.get()
    assert channels.check_secret(webhook.secret) == queries.signing_secret_of(row)
    assert webhook.secret.encode() not in bytes(row.secret or b"")
    assert webhook.secret not in repr(list(AuditEntry.objects.values_list())) + repr(webhook)
    assert row.events == all_event_kinds()


def test_an_email_channel_has_no_secret(acme: Tenant) -> None:
    made = actions.add_channel(actor="alice", tenant=acme, name="team", kind="email", recipients=["a@acme.example"])
    assert (made.secret, made.channel.secret) == ("", None)
    with pytest.raises(ValidationError, match="Only webhooks"):
        actions.rotate_channel_secret(actor="alice", channel=made.channel, at=AT)


def test_after_a_rotation_the_old_secret_signs_for_a_day_more(webhook: actions.IssuedChannel) -> None:
    rotated = actions.rotate_channel_secret(actor="alice", channel=webhook.channel, at=AT)
    row = AlertChannel.objects.get()
    assert rotated.secret != webhook.secret
    assert queries.signing_secret_of(row) == rotated.secret
    assert queries.old_signing_secret_of(row) == webhook.secret
    assert row.old_secret_until == AT + timedelta(days=1)


def test_a_secret_copied_to_another_tenants_row_does_not_open(webhook: actions.IssuedChannel, globex: Tenant) -> None:
    AlertChannel.objects.update(tenant=globex)
    with pytest.raises(secrets.CannotDecrypt):
        queries.signing_secret_of(AlertChannel.objects.get())


def test_signing_secrets_move_to_the_newest_encryption_key(webhook: actions.IssuedChannel) -> None:
    actions.rotate_channel_secret(actor="alice", channel=webhook.channel, at=AT)
    (key,) = secrets.settings.ENCRYPTION_KEYS.values()
    with override_settings(ENCRYPTION_KEYS={2: bytes(range(32)), 1: key}):
        assert queries.credentials_by_version() == {1: 2}
        assert actions.reseal_signing_secrets(actor="ops") == actions.Resealed(1, ())
        assert queries.credentials_by_version() == {2: 2}
    with override_settings(ENCRYPTION_KEYS={2: bytes(range(32))}):
        assert queries.old_signing_secret_of(AlertChannel.objects.get()) == webhook.secret


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"kind": "webhook", "url": "http://hooks.example.com/x"}, "url"),
        ({"kind": "webhook", "url": "https://169.254.169.254/latest"}, "url"),
        ({"kind": "webhook", "url": "https://metadata.google.internal/"}, "url"),
        ({"kind": "webhook", "url": "https://hooks.example.com@10.0.0.1/x"}, "url"),
        ({"kind": "webhook", "url": "https://10.1.2.3/x"}, "url"),
        ({"kind": "webhook", "url": "https://hooks.example.com:22/x"}, "url"),
        ({"kind": "webhook"}, "url"),
        ({"kind": "webhook", "url": URL, "recipients": ["a@acme.example"]}, "recipients"),
        ({"kind": "email"}, "recipients"),
        ({"kind": "email", "recipients": ["nobody"]}, "recipients"),
        ({"kind": "email", "recipients": ["a@acme.example\nBcc: b@evil.example"]}, "recipients"),
        ({"kind": "email", "recipients": ["a@acme.example"] * 21}, "recipients"),
        ({"kind": "email", "recipients": ["a@acme.example"], "events": ["audit.broken"]}, "events"),
        ({"kind": "email", "recipients": ["a@acme.example"], "events": []}, "events"),
        ({"kind": "webhook", "url": URL, "secret": "whsec_dG9vIHNob3J0"}, "secret"),
        ({"kind": "pigeon"}, "kind"),
    ],
)
def test_what_is_wrong_is_named_by_its_field(acme: Tenant, given: dict[str, object], field: str) -> None:
    with pytest.raises(ValidationError) as refused:
        actions.add_channel(actor="alice", tenant=acme, name="x", **given)  # type: ignore[arg-type]
    assert field in refused.value.message_dict
    assert not AlertChannel.objects.exists()


def test_a_host_that_leads_inside_is_refused_when_it_is_saved(acme: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(destinations, "lookup", lambda host: ["93.184.216.34", "10.0.0.7"])
    with pytest.raises(ValidationError, match=r"10\.0\.0\.7"):
        actions.add_channel(actor="alice", tenant=acme, name="x", kind="webhook", url=URL)


def test_a_channel_of_another_tenant_looks_like_none(webhook: actions.IssuedChannel, globex: Tenant) -> None:
    with pytest.raises(access.NotFound):
        access.channel_for(globex, webhook.channel.pk)


def test_changes_are_in_the_audit_and_no_change_is_not(webhook: actions.IssuedChannel) -> None:
    row = actions.change_channel(actor="alice", channel=webhook.channel, is_enabled=False)
    actions.change_channel(actor="alice", channel=row, is_enabled=False)
    actions.delete_channel(actor="alice", channel=row)
    said = AuditEntry.objects.filter(object_type="alertchannel").order_by("revision")
    assert [entry.action for entry in said] == ["channel.add", "channel.change", "channel.delete"]
    assert said[1].changes == {"is_enabled": [True, False]}


@pytest.mark.parametrize("wrong", [[0], [101], [50, 50], ["50"], [True], list(range(1, 12)), "50"])
def test_thresholds_are_percentages(acme: Tenant, wrong: object) -> None:
    with pytest.raises(ValidationError):
        actions.change_tenant(actor="alice", tenant=acme, alert_at=wrong)  # type: ignore[arg-type]
    with pytest.raises(ValidationError):
        budget = {"period": "day", "usd": 1, "alert_at": wrong}
        actions.change_tenant(actor="alice", tenant=acme, budgets=[budget])
