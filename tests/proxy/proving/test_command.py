"""The command says of each rule whether it holds, and fails where one does not."""

import io
import json
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from proxy.management.commands import prove_policy
from proxy.proving import bench, planting
from tenants import actions
from tenants.models import AuditEntry, Tenant
from tests.proxy.privacy import planted

pytestmark = pytest.mark.django_db
RULE: dict[str, Any] = {"name": "r", "on": ["request"], "match": {"keywords": ["bomb"]}, "action": "block"}


def run(*args: str) -> str:
    out = io.StringIO()
    call_command("prove_policy", *args, stdout=out, stderr=io.StringIO())
    return out.getvalue()


def test_it_proves_a_tenants_rules_and_the_platforms_above(acme: Tenant) -> None:
    actions.save_policy(actor="x", tenant=None, document={"rules": [{**RULE, "name": "above"}]})
    actions.save_policy(actor="x", tenant=acme, document={"rules": [RULE]})
    told = json.loads(run("--tenant", "acme", "--json"))
    assert told["counts"] == {"pass": 4, "unreached": 4}
    assert "unreached  r  (request whole: above decides first" in run("--tenant", "acme")
    assert run().startswith("pass       above")
    assert AuditEntry.objects.filter(action="policy.prove").count() == 3


def test_it_fails_where_a_rule_does(acme: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    actions.save_policy(actor="x", tenant=acme, document={"rules": [RULE]})
    monkeypatch.setattr(bench.Bench, "_fits", lambda _bench: [])
    with pytest.raises(CommandError, match="does not hold"):
        run("--tenant", "acme")


def test_without_rules_it_says_so() -> None:
    assert run() == "There is no rule to prove.\n"


def test_it_proves_what_is_done_with_personal_data(acme: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    class Finding(planted.FakeDetector):
        def __init__(self, **_options: object) -> None:
            super().__init__(planting.values())

        async def aclose(self) -> None:
            return None

    monkeypatch.setattr(prove_policy, "Detector", Finding)
    actions.change_tenant(actor="x", tenant=acme, pii={"mode": "block"})
    assert "pass       CREDIT_CARD" in run("--tenant", "acme")
