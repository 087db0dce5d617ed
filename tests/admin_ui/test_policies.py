"""The pages of policies: rules are written, tried, watched and taken back, for a tenant and for the platform."""

from collections.abc import Sequence
from typing import Any

import pytest
from django import forms
from django.contrib.auth.models import User
from django.test import Client

from admin_ui import policy_forms, policy_templates
from admin_ui.views import policies as views
from proxy.call import TenantRules
from proxy.models import UsageRecord
from proxy.replays import tasks
from proxy.rules.rule import Asked
from proxy.rules.weighing import NotWeighed
from tenants import access, actions, policies
from tenants.models import AuditEntry, PolicyVersion, Tenant
from tests.admin_ui.calls import record

EVERYTHING: dict[str, Any] = {
    "name": "everything",
    "on": ["request", "tool_results"],
    "match": {
        "keywords": ["bomb", "poison"],
        "regex": r"CUST-(\d{4})",
        "longest": 9,
        "models": ["claude-*"],
        "max_tokens_over": 100,
        "attachments": ["image"],
        "pii": ["PERSON"],
    },
    "action": "block",
    "mode": "monitor",
    "severity": "high",
    "message": "No.",
    "ending": "end_turn",
    "notes": "why",
    "when": {"metadata": {"team": "kitchen"}, "untrusted": True},
    "examples": {"match": ["a b0mb"], "miss": ["bombast"]},
}
TOOLS: dict[str, Any] = {
    "name": "tools",
    "on": ["tool_use"],
    "match": {"tool_names": ["bash*"], "tool_input": {"command": "rm -rf"}},
    "action": "block",
}
LANGUAGE: dict[str, Any] = {
    "name": "language",
    "on": ["request", "response"],
    "match": {"detector": "language", "threshold": 0.95, "allowed": ["de", "en"], "seconds": 2.0, "on_failure": "open"},
    "action": "flag",
}
TOPIC = {
    "name": "topic",
    "on": ["request"],
    "match": {"detector": "topic", "topics": ["Which shares?"]},
    "action": "block",
}
SERVER = {"name": "server", "on": ["tool_use"], "match": {"detector": "http", "server": "guard"}, "action": "block"}
SECRET = {"name": "secret", "on": ["request"], "match": {"keywords": ["nightingale"]}, "action": "block"}


@pytest.fixture
def page(client: Client, acme: Tenant, alice: User) -> Client:
    client.force_login(alice)
    return client


def data_of(form: Any, **changes: Any) -> dict[str, Any]:
    """What a browser would send of the form."""
    data = {}
    for field in form:
        value = field.value()
        if isinstance(field.field, forms.MultipleChoiceField):
            data[field.html_name] = value or []
        elif value not in (None, False):
            prepared = field.field.prepare_value(value)
            data[field.html_name] = prepared if prepared is not None else ""
    return {**data, **changes}


@pytest.mark.parametrize(
    "rule",
    [EVERYTHING, TOOLS, LANGUAGE, TOPIC, SERVER, SECRET, *(one.rule for one in policy_templates.TEMPLATES.values())],
)
def test_the_form_gives_back_the_rule_it_was_given(rule: dict[str, Any]) -> None:
    form = policy_forms.RuleForm(data_of(policy_forms.RuleForm(rule=rule)))
    assert form.is_valid(), form.errors
    assert form.rule() == rule


@pytest.mark.parametrize("name", policy_templates.TEMPLATES)
def test_every_template_is_a_rule_that_is_only_watched_at_first(page: Client, name: str) -> None:
    policies.check_rule(policy_templates.rule_of(name))
    shown = page.get(f"/t/acme/policies/new/?from={name}").context["form"]
    assert page.post("/t/acme/policies/new/", data_of(shown)).status_code == 302
    (rule,) = Tenant.objects.get(slug="acme").policy["rules"]
    assert (rule["name"], rule["mode"]) == (name, "monitor")


def test_a_tenant_without_rules_is_offered_templates(page: Client) -> None:
    said = page.get("/t/acme/policies/").content.decode()
    assert "No rules yet" in said and "No secrets in answers" in said


def test_a_rule_is_changed_in_its_place_and_each_save_is_a_version(page: Client, acme: Tenant) -> None:
    actions.save_policy(actor="x", tenant=acme, document={"rules": [SECRET, TOOLS]})
    shown = page.get("/t/acme/policies/rules/secret/").context["form"]
    answer = page.post("/t/acme/policies/rules/secret/", data_of(shown, message="Ask Jo."))
    assert answer.status_code == 302
    acme.refresh_from_db()
    assert [rule["name"] for rule in acme.policy["rules"]] == ["secret", "tools"]
    assert acme.policy["rules"][0]["message"] == "Ask Jo."
    version = access.policy_for(acme, 2)
    assert (version.state, version.author, version.note) == ("active", "user:alice", "rule secret")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"must_miss": "nightingale"}, "must_miss"),
        ({"regex": "("}, "regex"),
        ({"name": "Has Spaces"}, "name"),
        ({"action": "route"}, "model"),
        ({"threshold": "0.5"}, "threshold"),
    ],
)
def test_what_is_refused_is_said_at_its_field(page: Client, changes: dict[str, str], field: str) -> None:
    form = policy_forms.RuleForm(rule=SECRET)
    answer = page.post("/t/acme/policies/new/", data_of(form, **changes))
    assert answer.status_code == 422 and field in answer.context["form"].errors
    assert not PolicyVersion.objects.exists()


def test_a_save_over_somebody_elses_change_is_refused(page: Client, acme: Tenant) -> None:
    actions.save_policy(actor="x", tenant=acme, document={"rules": [SECRET]})
    shown = page.get("/t/acme/policies/rules/secret/").context["form"]
    actions.save_policy(actor="x", tenant=acme, document={"rules": [SECRET, TOOLS]})
    answer = page.post("/t/acme/policies/rules/secret/", data_of(shown, message="Mine."))
    assert answer.status_code == 422 and "Somebody changed" in answer.content.decode()


def test_a_draft_is_tried_and_activated_or_discarded(page: Client, acme: Tenant) -> None:
    data = data_of(policy_forms.RuleForm(rule=SECRET))
    base = page.get("/t/acme/policies/new/").context["form"]["base"].value()
    page.post("/t/acme/policies/new/", {**data, "base": base, "draft": "1"})
    acme.refresh_from_db()
    assert acme.policy == {}
    assert "holds for nobody yet" in page.get("/t/acme/policies/").content.decode()
    assert "Refused by secret" in page.post("/t/acme/policies/trial/", {"text": "nightingale"}).content.decode()
    assert "nightingale" in page.get("/t/acme/policies/versions/1/").content.decode()
    page.post("/t/acme/policies/versions/1/")
    acme.refresh_from_db()
    assert acme.policy == {"rules": [SECRET]}


def test_rolling_back_lets_an_older_version_hold_again(page: Client, acme: Tenant) -> None:
    for rules in ([SECRET], [SECRET, TOOLS]):
        actions.save_policy(actor="x", tenant=acme, document={"rules": rules})
    assert "taken" in page.get("/t/acme/policies/versions/1/").content.decode()
    page.post("/t/acme/policies/versions/1/")
    acme.refresh_from_db()
    assert acme.policy == {"rules": [SECRET]}


def test_rules_are_moved_and_removed_and_the_mode_is_set(page: Client, acme: Tenant) -> None:
    actions.save_policy(actor="x", tenant=acme, document={"rules": [SECRET, TOOLS]})

    def change(**asked: str) -> dict[str, Any]:
        base = page.get("/t/acme/policies/").context["opened"].base
        assert page.post("/t/acme/policies/change/", {"base": base, **asked}).status_code == 302
        acme.refresh_from_db()
        return dict(acme.policy)

    assert [one["name"] for one in change(rule="tools", up="1")["rules"]] == ["tools", "secret"]
    assert change(rule="tools", up="1")["rules"][0]["name"] == "tools"
    assert [one["name"] for one in change(rule="secret", remove="1")["rules"]] == ["tools"]
    assert change(mode="monitor")["mode"] == "monitor"
    assert change(mode="nonsense")["mode"] == "monitor"


def test_the_box_marks_what_fits_where_and_shows_hostile_text_as_text(page: Client, acme: Tenant) -> None:
    actions.save_policy(
        actor="x",
        tenant=acme,
        document={"rules": [SECRET, {**TOOLS, "on": ["tools"], "match": {"tool_names": ["bash*"]}}]},
    )
    said = page.post("/t/acme/policies/trial/", {"text": "<b>about</b> nightingale now"}).content.decode()
    assert '<mark class="block">nightingale</mark>' in said and "&lt;b&gt;about" in said
    asked = '{"messages": [{"role": "user", "content": "hi"}], "tools": [{"name": "Bash"}, {"name": "read"}]}'
    assert "Refused by tools" in page.post("/t/acme/policies/trial/", {"text": asked}).content.decode()
    assert "No rule fits" in page.post("/t/acme/policies/trial/", {"text": "hello"}).content.decode()


class FakeScales:
    async def scores(self, texts: Sequence[str], asked: Asked, tenant: TenantRules) -> list[float]:
        assert tenant.slug == "acme"
        if asked.server:
            raise NotWeighed("The detector 'guard' is gone or switched off.")
        return [0.9 if "shares" in text else 0.1 for text in texts]


def test_detectors_are_asked_in_the_box_and_say_their_score(
    page: Client, acme: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    actions.save_policy(actor="x", tenant=acme, document={"rules": [TOPIC, SERVER]})
    assert "do not run" in page.post("/t/acme/policies/trial/", {"text": "hello"}).content.decode()
    monkeypatch.setattr(views, "scales_of", lambda _request: FakeScales())
    said = page.post("/t/acme/policies/trial/", {"text": "<i>Which</i> shares?"}).content.decode()
    assert "Refused by topic" in said and "score 0.9" in said and "&lt;i&gt;Which" in said
    assert "topic (Which shares?) from 0.4" in page.get("/t/acme/policies/").content.decode()
    assert "server: The detector &#x27;guard&#x27; is gone" in said
    assert "No rule fits" in page.post("/t/acme/policies/trial/", {"text": "hello"}).content.decode()


def test_the_preview_says_which_examples_prove_the_rule(page: Client) -> None:
    data = data_of(policy_forms.RuleForm(rule=SECRET), must_match="a NIGHTINGALE", must_miss="the nightingale")
    said = page.post("/t/acme/policies/preview/", data).content.decode()
    assert "good-text" in said and "bad-text" in said and "keywords:" in said
    assert page.post("/t/acme/policies/preview/", {**data, "regex": "(", "name": ""}).status_code == 200
    assert page.post("/t/acme/policies/preview/", {}).status_code == 200


def test_hits_are_counted_from_the_requests_and_shown_on_each(page: Client, acme: Tenant, globex: Tenant) -> None:
    actions.save_policy(actor="x", tenant=acme, document={"rules": [SECRET]})
    fit = {"rule": "secret", "action": "block", "mode": "enforce", "place": "request", "severity": "high"}
    trace = [{"step": "policy", "us": 5, "rules": [fit], "blocked": "secret"}]
    call = record(acme, state="refused", status=451, trace=trace)
    call.save()
    record(globex, trace=trace).save()
    (row,) = page.get("/t/acme/policies/").context["rules"]
    assert (row.hits.calls, row.hits.stopped) == (1, 1)
    assert call.pk in page.get("/t/acme/policies/rules/secret/").content.decode()
    assert "stopped it" in page.get(f"/t/acme/requests/{call.pk}/").content.decode()


def test_home_shows_which_rules_fitted_and_links_those_that_are_still_there(page: Client, acme: Tenant) -> None:
    actions.save_policy(actor="x", tenant=acme, document={"rules": [SECRET]})
    secret = {"rule": "secret", "action": "block", "mode": "enforce", "place": "request", "severity": "high"}
    gone = {"rule": "gone", "action": "flag", "mode": "monitor", "place": "request", "severity": "low"}
    record(acme, trace=[{"step": "policy", "us": 5, "rules": [gone, secret], "blocked": "secret"}]).save()
    record(acme, trace=[{"step": "policy", "us": 5, "rules": [gone]}]).save()
    home = page.get("/t/acme/")
    assert [(one.name, one.calls, one.stopped) for one in home.context["fitting"]] == [("secret", 1, 1), ("gone", 2, 0)]
    text = home.content.decode()
    assert "/policies/rules/secret/" in text and "/policies/rules/gone/" not in text


def test_the_platforms_rules_are_staffs_and_tenants_see_them(page: Client, acme: Tenant, admin_client: Client) -> None:
    data = data_of(policy_forms.RuleForm(rule=SECRET), base="")
    base = admin_client.get("/platform/policies/new/").context["form"]["base"].value()
    assert admin_client.post("/platform/policies/new/", {**data, "base": base}).status_code == 302
    said = page.get("/t/acme/policies/").content.decode()
    assert "The platform’s rules" in said and "secret" in said
    assert page.get("/t/acme/policies/rules/secret/").status_code == 404
    assert "Refused by secret" in page.post("/t/acme/policies/trial/", {"text": "nightingale"}).content.decode()
    assert page.get("/platform/policies/").status_code == 404


def test_members_do_not_see_the_page(client: Client, acme: Tenant, bob: User) -> None:
    client.force_login(bob)
    assert client.get("/t/acme/policies/").status_code == 403
    assert "policies" not in client.get("/t/acme/requests/").content.decode()


def test_what_holds_is_proved_at_a_button_and_that_is_audited(
    page: Client, acme: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("proxy.replays.wakening.send", lambda _task, _queue: None)
    assert "No rule holds yet" in page.post("/t/acme/policies/prove/").content.decode()
    actions.save_policy(actor="x", tenant=acme, document={"rules": [SECRET, TOOLS]})
    waiting = page.post("/t/acme/policies/prove/").content.decode()
    assert "It waits for the worker." in waiting and waiting == page.post("/t/acme/policies/prove/").content.decode()
    tasks.replay()
    said = page.get(waiting.split('hx-get="')[1].split('"')[0]).content.decode()
    assert said.count("Proved") == 2 and "Every rule that could be reached" in said
    entry = AuditEntry.objects.order_by("-revision")[0]
    assert (entry.actor, entry.action, entry.tenant_id) == ("user:alice", "policy.prove", acme.pk)
    assert set(entry.changes) == {"pass"}
    assert not UsageRecord.objects.exists()
