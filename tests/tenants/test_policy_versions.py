"""Every change of a policy is a version that can hold again; a draft holds for nobody; the platform's stands above."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command

from proxy.rules import compiling
from proxy.snapshots import DatabaseSource
from tenants import access, actions, audit, queries
from tenants.models import AuditEntry, PolicyVersion, Tenant

pytestmark = pytest.mark.django_db


def policy(word: str, **more: Any) -> dict[str, Any]:
    rule = {"name": "r", "on": ["request"], "match": {"keywords": [word]}, "action": "block", **more}
    return {"rules": [rule]}


def states(tenant: Tenant | None) -> list[tuple[int, str]]:
    return sorted(PolicyVersion.objects.filter(tenant=tenant).values_list("number", "state"))


def now(tenant: Tenant) -> Any:
    return Tenant.objects.get(pk=tenant.pk).policy


def test_every_change_of_a_tenants_policy_is_a_version(acme: Tenant) -> None:
    actions.change_tenant(actor="user:alice", tenant=acme, policy=policy("one"))
    actions.change_tenant(actor="user:alice", tenant=acme, name="Other")
    actions.save_policy(actor="user:bob", tenant=acme, document=policy("two"), note="why")
    assert states(acme) == [(1, "past"), (2, "active")]
    assert now(acme) == policy("two")
    assert (access.policy_for(acme, 2).author, access.policy_for(acme, 2).note) == ("user:bob", "why")


def test_a_new_tenant_with_a_policy_has_its_first_version() -> None:
    made = actions.create_tenant(actor="x", slug="new", name="New", policy=policy("one"))
    assert states(made) == [(1, "active")]


def test_a_draft_holds_for_nobody_until_it_is_activated(acme: Tenant) -> None:
    actions.save_policy(actor="x", tenant=acme, document=policy("one"))
    draft = actions.draft_policy(actor="x", tenant=acme, document=policy("two"))
    again = actions.draft_policy(actor="x", tenant=acme, document=policy("three"))
    assert draft.pk == again.pk and now(acme) == policy("one")
    actions.activate_policy(actor="x", version=again)
    assert now(acme) == policy("three")
    assert states(acme) == [(1, "past"), (2, "active")]


def test_an_older_version_holds_again_and_the_audit_says_from_what(acme: Tenant) -> None:
    for word in ("one", "two"):
        actions.save_policy(actor="x", tenant=acme, document=policy(word))
    actions.activate_policy(actor="user:alice", version=access.policy_for(acme, 1))
    assert now(acme) == policy("one")
    entry = AuditEntry.objects.order_by("-revision")[0]
    assert (entry.actor, entry.action, entry.tenant_id) == ("user:alice", "policy.activate", acme.pk)
    assert entry.changes["version"] == [2, 1]
    assert states(acme) == [(1, "active"), (2, "past")]


def test_what_changes_nothing_is_no_version(acme: Tenant) -> None:
    actions.save_policy(actor="x", tenant=acme, document=policy("one"))
    before = audit.latest_revision()
    actions.save_policy(actor="x", tenant=acme, document=policy("one"))
    assert (states(acme), audit.latest_revision()) == ([(1, "active")], before)


def test_a_draft_that_could_not_do_what_it_says_is_refused(acme: Tenant) -> None:
    with pytest.raises(ValidationError, match=r"rules\[0\] \(r\): action"):
        actions.draft_policy(actor="x", tenant=acme, document=policy("one", action="explode"))
    assert not PolicyVersion.objects.exists()


def test_only_drafts_are_discarded_and_a_discarded_one_cannot_hold(acme: Tenant) -> None:
    active = actions.save_policy(actor="x", tenant=acme, document=policy("one"))
    with pytest.raises(ValidationError, match="stays in the history"):
        actions.discard_policy(actor="x", version=active)
    draft = actions.draft_policy(actor="x", tenant=acme, document=policy("two"))
    actions.discard_policy(actor="x", version=draft)
    draft.pk = 999
    with pytest.raises(ValidationError, match="is gone"):
        actions.activate_policy(actor="x", version=draft)


def test_the_platforms_policy_concerns_everybody_and_stands_above(acme: Tenant) -> None:
    before = audit.latest_revision()
    actions.save_policy(actor="user:staff", tenant=None, document=policy("one"))
    assert [tenant for _revision, tenant in audit.since(before)] == [None]
    assert queries.platform_policy() == policy("one")
    made = compiling.compiled(queries.platform_policy(), policy("two", action="allow"))
    assert made is not None and [rule.is_platform for rule in made.rules] == [True, False]
    actions.save_policy(actor="user:staff", tenant=None, document={})
    assert queries.platform_policy() == {} and states(None) == [(1, "past"), (2, "active")]


def test_rules_of_one_name_on_both_levels_are_told_apart() -> None:
    made = compiling.compiled(policy("one"), policy("two", action="flag"))
    assert made is not None
    fits = made.reader(next(iter(made.rules[0].places))).judge("it is two")
    assert [fit.rule.is_platform for fit in fits] == [False]


def test_a_version_of_another_tenant_is_not_found(acme: Tenant, globex: Tenant) -> None:
    actions.save_policy(actor="x", tenant=acme, document=policy("one"))
    for tenant in (globex, None):
        with pytest.raises(access.NotFound):
            access.policy_for(tenant, 1)


def run(*args: str) -> Any:
    out = io.StringIO()
    call_command("policy", *args, "--json", stdout=out, stderr=io.StringIO())
    return json.loads(out.getvalue())


def test_the_command_sets_shows_activates_and_rolls_back(acme: Tenant, tmp_path: Path) -> None:
    for word in ("one", "two"):
        (tmp_path / word).write_text(json.dumps(policy(word)))
        run("set", "acme", "--file", str(tmp_path / word))
    assert run("rollback", "acme")["version"] == 1 and now(acme) == policy("one")
    assert run("rollback", "acme")["version"] == 2
    assert run("activate", "acme", "1")["state"] == "active"
    shown = run("show", "acme")
    assert shown["policy"] == policy("one") and [one["number"] for one in shown["versions"]] == [2, 1]
    assert run("set", "--file", str(tmp_path / "one"), "--draft")["tenant"] is None
    assert queries.platform_policy() == {}
    run("activate", "--number", "1")
    assert queries.platform_policy() == policy("one")


def test_the_command_says_what_is_wrong(acme: Tenant, tmp_path: Path) -> None:
    (tmp_path / "bad").write_text("rules: [{name: x}]")
    for args, said in (
        (["rollback", "acme"], "no other version has held"),
        (["activate", "acme", "7"], "no version 7"),
        (["set", "acme", "--file", str(tmp_path / "bad")], r"rules\[0\] \(x\): on"),
    ):
        with pytest.raises(CommandError, match=said):
            run(*args)


def test_the_detectors_that_rules_ask_are_known_ahead_of_the_first_text(acme: Tenant) -> None:
    assert DatabaseSource.asked_detectors() == set()
    words = {"name": "words", "on": ["request"], "match": {"detector": "jailbreak"}, "action": "flag"}
    asked = {"name": "asked", "on": ["request"], "match": {"detector": "secrets"}, "action": "flag"}
    actions.save_policy(actor="x", tenant=acme, document={"rules": [words, asked]})
    topic = {**asked, "match": {"detector": "topic", "topics": ["x"]}}
    actions.save_policy(actor="x", tenant=None, document={"rules": [topic]})
    assert DatabaseSource.asked_detectors() == {"secrets", "topic"}
