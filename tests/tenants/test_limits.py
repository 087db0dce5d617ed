"""Limits can be set by hand and by file, are checked, and are in the audit."""

import pytest
from django.core.exceptions import ValidationError

from proxy.call import RateLimits
from proxy.snapshots import DatabaseSource
from tenants import actions, keys
from tenants.declarative import applying, exporting, reading
from tenants.models import ApiKey, AuditEntry, Tenant


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        ({"rpms": 1}, "'rpms' is unknown. Known here: rpm, input_tpm"),
        ({"rpm": 0}, "rpm: give a whole number from 1 on"),
        ({"rpm": True}, "rpm: give a whole number"),
        ({"input_tpm": 1.5}, "input_tpm: give a whole number"),
        ({"concurrency": "4"}, "concurrency: give a whole number"),
        (["rpm"], "Give an object"),
    ],
)
def test_what_is_no_limit_is_refused(acme, limits, words):
    with pytest.raises(ValidationError) as refused:
        actions.issue_key(actor="test", tenant=acme, name="ci", limits=limits)
    assert words in str(refused.value)


def test_a_change_of_limits_is_in_the_audit(acme):
    actions.change_tenant(actor="test", tenant=acme, limits={"rpm": 5})
    actions.change_tenant(actor="test", tenant=acme, limits=None)
    first, second = AuditEntry.objects.filter(object_type="tenant").order_by("revision")
    assert first.changes == {"limits": [{}, {"rpm": 5}]}
    assert second.changes == {"limits": [{"rpm": 5}, {}]}


def test_limits_of_the_file_are_stored_and_exported(db):
    text = "tenants: [{slug: acme, limits: {rpm: 60}, keys: [{name: ci, limits: {input_tpm: 9, concurrency: 2}}]}]"
    applying.apply(reading.read(text, environ={}), actor="test")
    [exported] = exporting.export(Tenant.objects.all())["tenants"]
    assert exported["limits"] == {"rpm": 60}
    assert exported["keys"][0]["limits"] == {"input_tpm": 9, "concurrency": 2}


@pytest.mark.parametrize(
    ("limits", "where"),
    [("{rpm: many}", "limits.rpm: This must be a whole number"), ("{rpm: -1}", "limits: rpm: give")],
)
def test_a_wrong_limit_in_the_file_is_named(limits, where):
    with pytest.raises(reading.Unacceptable) as refused:
        reading.read(f"tenants: [{{slug: acme, limits: {limits}}}]", environ={})
    assert f"tenants[0].{where}" in str(refused.value)


def test_a_snapshot_holds_the_limits_of_key_and_tenant(acme):
    actions.change_tenant(actor="test", tenant=acme, limits={"rpm": 30, "output_tpm": 5})
    issued = actions.issue_key(actor="test", tenant=acme, name="ci", limits={"rpm": 500, "count_tokens_rpm": 7})
    caller = DatabaseSource.caller([digest for _version, digest in keys.digests(issued.secret)])
    assert caller is not None
    assert caller.tenant.limits == RateLimits(requests=30, count_tokens=100, output_tokens=5)
    assert caller.limits == RateLimits(requests=500, count_tokens=7)


def test_without_limits_a_snapshot_says_so(acme):
    issued = actions.issue_key(actor="test", tenant=acme, name="ci")
    caller = DatabaseSource.caller([digest for _version, digest in keys.digests(issued.secret)])
    assert caller is not None
    assert (caller.limits, caller.tenant.limits) == (None, None)


def test_the_admin_takes_limits_one_a_line(admin_client, acme):
    key = actions.issue_key(actor="test", tenant=acme, name="ci").key
    page = f"/admin/tenants/apikey/{key.pk}/change/"
    form = {"name": "ci", "scopes": ["messages"], "model_globs": "*", "expires_at_0": "", "expires_at_1": ""}
    answer = admin_client.post(page, {**form, "limits": "rpm = 1,200\nconcurrency=4"})
    assert answer.status_code == 302
    assert ApiKey.objects.get(pk=key.pk).limits == {"rpm": 1200, "concurrency": 4}
    assert "rpm = 1200" in admin_client.get(page).content.decode()
    refused = admin_client.post(page, {**form, "limits": "rpm = lots"})
    assert "rpm: give a whole number." in refused.content.decode()
