"""What holds is proved in the worker, a few rules at a time, and gone on with by whoever comes next."""

import time
from typing import Any

import pytest

from proxy.proving import proof
from proxy.replays import queue, tasks, work
from proxy.replays.models import PolicyProof
from tenants import actions
from tenants.models import AuditEntry, Tenant

RULES: list[dict[str, Any]] = [
    {"name": f"r{number}", "on": ["request"], "match": {"keywords": [f"bomb{number}"]}, "action": "block"}
    for number in range(7)
]
PII: dict[str, Any] = {"name": "pii", "on": ["request"], "match": {"pii": ["PERSON"]}, "action": "block"}


@pytest.fixture(autouse=True)
def sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    sent: list[str] = []
    monkeypatch.setattr("proxy.replays.wakening.send", lambda task, _queue: sent.append(task))
    return sent


def verdicts(job: PolicyProof) -> dict[str, str]:
    checks = [proof.Check(**check) for check in job.report["checks"]]
    return {name: verdict for name, _level, verdict, _checks in proof.Proof(checks).by_rule}


def test_a_policy_of_many_rules_is_proved_over_several_turns(acme: Tenant) -> None:
    tenant = actions.change_tenant(actor="x", tenant=acme, policy={"rules": RULES})
    job = queue.ask_proof(tenant, author="alice")
    assert queue.ask_proof(tenant, author="bob") == job
    claim = queue.claim()
    assert claim is not None
    work.work(claim, until=time.monotonic())
    job.refresh_from_db()
    assert (job.state, job.done, job.total) == ("queued", 5, 7)
    tasks.replay()
    job.refresh_from_db()
    assert job.state == "done" and verdicts(job) == {f"r{number}": "pass" for number in range(7)}
    entry = AuditEntry.objects.get(action="policy.prove")
    assert (entry.actor, entry.changes) == ("user:alice", {"pass": [None, 28]})


def test_a_rule_that_asks_for_what_privacy_does_not_look_for_fails(acme: Tenant) -> None:
    tenant = actions.change_tenant(actor="x", tenant=acme, policy={"rules": [PII]})
    job = queue.ask_proof(tenant, author="alice")
    tasks.replay()
    job.refresh_from_db()
    assert verdicts(job) == {"pii": "fail"}
    tenant = actions.change_tenant(actor="x", tenant=tenant, pii={"mode": "monitor"})
    job = queue.ask_proof(tenant, author="alice")
    tasks.replay()
    job.refresh_from_db()
    assert verdicts(job) == {"pii": "pass"}


def test_the_platforms_policy_is_proved_alone(acme: Tenant) -> None:
    actions.save_policy(actor="x", tenant=None, document={"rules": [PII]})
    job = queue.ask_proof(None, author="root")
    tasks.replay()
    job.refresh_from_db()
    assert verdicts(job) == {"pii": "pass"} and queue.proof_of(acme, job.pk) is None
