"""Budgets can be set by hand and by file, are checked, and are in the audit."""

import pytest
from django.core.exceptions import ValidationError

from proxy.call import Budget, Degrading
from proxy.snapshots import DatabaseSource
from tenants import actions, keys
from tenants.declarative import applying, exporting, reading
from tenants.models import ApiKey, AuditEntry, Tenant

TWENTY = {"period": "month", "usd": 20, "on_exceed": "block"}


@pytest.mark.parametrize(
    ("budgets", "words"),
    [
        ([{"period": "year", "usd": 1}], "Budget 1: period must be one of minute, hour"),
        ([TWENTY, {"period": "day"}], "Budget 2: give one of usd, tokens, requests"),
        ([{"period": "day", "usd": 1, "tokens": 1}], "Budget 1: give one of"),
        ([{"period": "day", "usd": 0}], "usd: give an amount of dollars above 0"),
        ([{"period": "day", "usd": float("inf")}], "usd: give an amount"),
        ([{"period": "day", "usd": True}], "usd: give an amount"),
        ([{"period": "day", "tokens": 1.5}], "tokens: give a whole number"),
        ([{"period": "day", "usd": 1, "on_exceed": "cry"}], "on_exceed must be one of block, warn"),
        ([{"period": "day", "usd": 1, "x": 1}], "'x' is unknown"),
        ([TWENTY, {"period": "month", "usd": 30}], "Budget 2: there is one of this period, unit and on_exceed already"),
        ([{**TWENTY, "degrade": [{"at": 80}]}], "degrade 1: give `at`, and either `model` or `max_tokens`"),
        ([{**TWENTY, "degrade": [{"at": 80, "model": "a", "max_tokens": 1}]}], "degrade 1: give `at`, and either"),
        ([{**TWENTY, "degrade": [{"at": 100, "max_tokens": 1}]}], "degrade 1: at is a percentage from 1 to 99"),
        ([{**TWENTY, "degrade": [{"at": 80, "max_tokens": 0}]}], "degrade 1: max_tokens is a whole number"),
        ([{**TWENTY, "degrade": [{"at": 80, "model": "a b"}]}], "holds a space"),
        ([{**TWENTY, "degrade": {"at": 80}}], "degrade: give a list of up to 5 steps"),
        ({"period": "day"}, "Give a list"),
        (["day"], "Budget 1: Give an object"),
    ],
)
def test_what_is_no_budget_is_refused(acme, budgets, words):
    with pytest.raises(ValidationError) as refused:
        actions.issue_key(actor="test", tenant=acme, name="ci", budgets=budgets)
    assert words in str(refused.value)


def test_a_change_of_budgets_is_in_the_audit(acme):
    actions.change_tenant(actor="test", tenant=acme, budgets=[TWENTY])
    entry = AuditEntry.objects.get(object_type="tenant")
    assert entry.changes == {"budgets": [[], [TWENTY]]}


def test_budgets_of_the_file_are_stored_and_exported(db):
    text = (
        "tenants: [{slug: acme, budgets: [{period: day, usd: 0.5, on_exceed: warn}], keys: [{name: ci, budgets: []}]}]"
    )
    applying.apply(reading.read(text, environ={}), actor="test")
    [exported] = exporting.export(Tenant.objects.all())["tenants"]
    assert exported["budgets"] == [{"period": "day", "usd": 0.5, "on_exceed": "warn"}]
    assert exported["keys"][0]["budgets"] == []


def test_steps_of_degrading_go_from_the_file_to_the_snapshot_and_back(db):
    steps = [{"at": 80, "model": "claude-haiku-4-5"}, {"at": 90, "max_tokens": 1024}]
    text = f"tenants: [{{slug: acme, budgets: [{{period: day, usd: 5, degrade: {steps}}}]}}]"
    applying.apply(reading.read(text, environ={}), actor="test")
    [exported] = exporting.export(Tenant.objects.all())["tenants"]
    assert exported["budgets"] == [{"period": "day", "usd": 5, "degrade": steps}]
    issued = actions.issue_key(actor="test", tenant=Tenant.objects.get(), name="ci")
    caller = DatabaseSource.caller([digest for _version, digest in keys.digests(issued.secret)])
    assert caller is not None
    [budget] = caller.tenant.budgets
    assert budget.degrading == (Degrading(80, model="claude-haiku-4-5"), Degrading(90, max_tokens=1024))


def test_a_wrong_budget_in_the_file_is_named():
    with pytest.raises(reading.Unacceptable) as refused:
        reading.read("tenants: [{slug: acme, budgets: [{period: day}]}]", environ={})
    assert "tenants[0].budgets: Budget 1: give one of usd, tokens, requests." in str(refused.value)


def test_a_snapshot_holds_budgets_in_whole_nano_dollars(acme):
    actions.change_tenant(actor="test", tenant=acme, budgets=[{"period": "day", "usd": 0.1, "on_exceed": "warn"}])
    issued = actions.issue_key(actor="test", tenant=acme, name="ci", budgets=[{"period": "hour", "tokens": 7}])
    caller = DatabaseSource.caller([digest for _version, digest in keys.digests(issued.secret)])
    assert caller is not None
    assert list(caller.tenant.budgets) == [Budget(acme.id, "usd", "day", 100_000_000, is_blocking=False)]
    assert list(caller.budgets) == [Budget(issued.key.id, "tokens", "hour", 7, is_blocking=True)]


def test_the_admin_takes_budgets_one_a_line(admin_client, acme):
    key = actions.issue_key(actor="test", tenant=acme, name="ci").key
    page = f"/admin/tenants/apikey/{key.pk}/change/"
    form = {"name": "ci", "scopes": ["messages"], "model_globs": "*", "expires_at_0": "", "expires_at_1": ""}
    lines = "20 usd a month\n5000000 tokens per day warn"
    assert admin_client.post(page, {**form, "budgets": lines}).status_code == 302
    warned = {"period": "day", "tokens": 5_000_000, "on_exceed": "warn"}
    assert ApiKey.objects.get(pk=key.pk).budgets == [TWENTY, warned]
    assert "5000000 tokens a day warn" in admin_client.get(page).content.decode()
    degrading = "20 usd a month alert 50 90 from 80 model claude-haiku-4-5 from 90 max_tokens 1024"
    assert admin_client.post(page, {**form, "budgets": degrading}).status_code == 302
    steps = [{"at": 80, "model": "claude-haiku-4-5"}, {"at": 90, "max_tokens": 1024}]
    assert ApiKey.objects.get(pk=key.pk).budgets == [{**TWENTY, "alert_at": [50, 90], "degrade": steps}]
    assert degrading in admin_client.get(page).content.decode()
    for wrong in ("20 usd a month from 80", "20 usd a month from x model y", "20 usd a month from 80 model"):
        assert "write from 80 model NAME" in admin_client.post(page, {**form, "budgets": wrong}).content.decode()
    for wrong, words in (("20 usd", "write one amount unit a period"), ("x usd a day", "is no amount")):
        assert words in admin_client.post(page, {**form, "budgets": wrong}).content.decode()
    assert "period must be one of" in admin_client.post(page, {**form, "budgets": "1 usd a year"}).content.decode()
