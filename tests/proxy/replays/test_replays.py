"""A policy tried on what was asked before: judged as live, compared with what holds, gone on with after a death."""

import json
import time
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.utils import timezone

from proxy.replays import queue, running, sources, tasks, work
from proxy.replays.models import PolicyReplay
from proxy.replays.queue import Material
from proxy.replays.report import Report
from proxy.transcripts import keeper
from proxy.transcripts.keeper import Taken
from proxy.transcripts.sealing import Said
from tenants import actions, transcript_keys
from tenants.models import Tenant

POISON = {"name": "poison", "on": ["request"], "match": {"keywords": ["poison"]}, "action": "block"}
BOMB = {"name": "bomb", "on": ["response"], "match": {"keywords": ["bomb"]}, "action": "block", "ending": "end_turn"}
IDS = {"name": "ids", "on": ["request"], "match": {"regex": r"CUST-\d{4}"}, "action": "redact"}
NAMES = {"name": "names", "on": ["request"], "match": {"pii": ["PERSON"]}, "action": "block"}
SHELL = {"name": "shell", "on": ["tool_use"], "match": {"tool_names": ["bash"]}, "action": "block"}
RED = {**POISON, "name": "red", "when": {"metadata": {"team": "red"}}}


def asked(text: str, **more: Any) -> dict[str, Any]:
    return {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": text}], **more}


def lines(*bodies: Any) -> str:
    return "\n".join(body if isinstance(body, str) else json.dumps(body) for body in bodies)


@pytest.fixture(autouse=True)
def sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    sent: list[str] = []
    monkeypatch.setattr("proxy.replays.wakening.send", lambda task, _queue: sent.append(task))
    return sent


@pytest.fixture
def keeping(acme: Tenant) -> Tenant:
    return actions.change_tenant(actor="test", tenant=acme, transcripts={"enabled": True})


def keep(tenant: Tenant, name: str, text: str, *, days_ago: float = 0.5, answer: str = "", **said: Any) -> None:
    document = json.dumps({"type": "message", "content": [{"type": "text", "text": answer}]}) if answer else ""
    body = Said(json.dumps(asked(text)).encode(), **said)
    at = timezone.now() - timedelta(days=days_ago)
    keeper.write([Taken(name, tenant.pk, at, transcript_keys.of(tenant), body, document=document.encode())])


def ask(tenant: Tenant | None, *rules: dict[str, Any], **on: Any) -> PolicyReplay:
    return queue.ask(tenant, {"rules": list(rules)}, Material(**on), title="A draft", author="user:alice")


def done(row: PolicyReplay) -> Report:
    tasks.replay()
    row.refresh_from_db()
    assert row.state == "done", row.reason
    return Report.of(row.report)


def test_kept_text_is_judged_beside_what_holds(keeping: Tenant) -> None:
    actions.save_policy(actor="test", tenant=keeping, document={"rules": [POISON, IDS]})
    keeping.refresh_from_db()
    keep(keeping, "req_1", "poison please")
    keep(keeping, "req_2", "how are you", answer="a bomb")
    keep(keeping, "req_3", "who is CUST-1234")
    keep(keeping, "req_4", "nothing at all", answer="nothing")
    keep(keeping, "req_5", "of long ago: poison", days_ago=5)
    report = done(ask(keeping, BOMB, IDS, days=3))
    assert (report.calls, report.answers) == (4, 2)
    assert report.tried == {"blocked": 1, "redacted": 1} and report.holding == {"blocked": 1, "redacted": 1}
    assert report.changes == {"no longer blocked": 1, "newly blocked": 1} and report.changed == 2
    changed = {row["call"]: row["changes"] for row in report.differing}
    assert changed == {"req_1": ["no longer blocked"], "req_2": ["newly blocked"]}
    assert [row["call"] for row in report.fitting] == ["req_3"]
    assert {key: (rule["tried"], rule["holding"]) for key, rule in report.rules.items()} == {
        "poison": (0, 1),
        "bomb": (1, 0),
        "ids": (1, 1),
    }


def test_requests_answers_tools_conditions_and_personal_data_are_judged_as_they_would_be_live(keeping: Tenant) -> None:
    keep(keeping, "req_1", "[PERSON_7K2M9QXA]", types=("PERSON",))
    keep(keeping, "req_2", "poison", metadata={"team": "red"})
    keep(keeping, "req_3", "poison", metadata={"team": "blue"})
    report = done(ask(keeping, NAMES, RED, days=1))
    assert {row["call"]: row["tried"][1] for row in report.differing} == {
        "req_1": ["names (request)"],
        "req_2": ["red (request)"],
    }
    called = {"type": "tool_use", "id": "t", "name": "Bash", "input": {}}
    sample = lines(
        asked("a", response={"type": "message", "content": [called]}),
        asked("b", response="a bomb"),
        asked("poison", key_metadata={"team": "red"}),
    )
    report = done(ask(keeping, SHELL, BOMB, RED, sample=sample))
    assert [row["tried"][1] for row in report.differing] == [
        ["shell (tool_use)"],
        ["bomb (response)"],
        ["red (request)"],
    ]


def test_a_monitored_rule_is_counted_and_blocks_nothing(keeping: Tenant) -> None:
    report = done(ask(keeping, {**POISON, "mode": "monitor"}, sample=lines(asked("poison"))))
    assert report.tried == {} and report.rules["poison"]["tried"] == 1 and not report.rules["poison"]["is_enforced"]


def test_the_platforms_rules_stand_above_both(keeping: Tenant) -> None:
    actions.save_policy(actor="test", tenant=None, document={"rules": [POISON]})
    report = done(ask(keeping, {**POISON, "action": "allow"}, sample=lines(asked("poison"))))
    assert report.tried == report.holding == {"blocked": 1} and "platform/poison" in report.rules
    report = done(ask(None, BOMB, sample=lines(asked("poison"), asked("x", response="bomb"))))
    assert report.changes == {"no longer blocked": 1, "newly blocked": 1}


def test_each_bad_line_is_named_with_its_number_and_the_others_are_judged(keeping: Tenant) -> None:
    sample = lines(asked("poison"), "", "{nope", '{"model": "m"}', '"text"', asked("x", response=7), asked("\u2028"))
    report = done(ask(keeping, POISON, sample=sample))
    assert report.calls == 2 and report.error_count == 4
    assert [one["call"] for one in report.errors] == ["line 3", "line 4", "line 5", "line 6"]
    assert "malformed JSON" in report.errors[0]["why"] and "Field required" in report.errors[1]["why"]


def test_the_sample_is_sealed_while_it_waits_and_gone_when_it_is_over(keeping: Tenant) -> None:
    row = ask(keeping, POISON, sample=lines(asked("canary")))
    assert b"canary" not in bytes(row.sample or b"") and "canary" not in str(row.report)
    done(row)
    row.refresh_from_db()
    assert row.sample is None and row.percent == 100 and row.is_over


def test_a_turn_that_is_over_is_gone_on_with_and_nothing_is_counted_twice(keeping: Tenant) -> None:
    for number in range(45):
        keep(keeping, f"req_{number:02}", "poison" if number % 2 else "tea", days_ago=0.5 + number / 1000)
    row = ask(keeping, POISON, days=7)
    for _turn in range(5):
        claim = queue.claim()
        assert claim is not None
        work.work(claim, until=time.monotonic())  # one call, and the turn is over
    row.refresh_from_db()
    assert (row.state, row.done, row.total) == ("queued", 5, 45)
    assert done(row).calls == 45 and Report.of(row.report).tried == {"blocked": 22}


def test_a_dead_workers_replay_is_taken_over_and_the_dead_one_writes_no_more(keeping: Tenant, sent: list[str]) -> None:
    row = ask(keeping, POISON, sample=lines(*[asked("poison")] * 3))
    dead = queue.claim()
    assert dead is not None and queue.claim() is None
    tasks.tend()
    assert sent == []
    PolicyReplay.objects.update(claimed_until=timezone.now() - timedelta(seconds=1))
    tasks.tend()
    assert sent == ["proxy.replays.tasks.replay"]
    assert done(row).calls == 3
    work.work(dead, until=time.monotonic() + 60)
    row.refresh_from_db()
    assert (row.state, row.done) == ("done", 3)


def test_what_kills_every_worker_fails_in_the_end(keeping: Tenant) -> None:
    row = ask(keeping, POISON, sample=lines(asked("x")))
    for _ in range(queue.MOST_ATTEMPTS):
        assert queue.claim() is not None
        PolicyReplay.objects.update(claimed_until=timezone.now() - timedelta(seconds=1))
        queue.tend(timezone.now())
    row.refresh_from_db()
    assert row.state == "failed" and "stopped 3 times" in row.reason and row.sample is None


def test_a_cancelled_replay_stops_and_keeps_what_it_found(keeping: Tenant) -> None:
    row = ask(keeping, POISON, sample=lines(*[asked("poison")] * 3))
    claim = queue.claim()
    assert claim is not None and queue.cancel(row) and not queue.cancel(row)
    work.work(claim, until=time.monotonic() + 60)
    row.refresh_from_db()
    assert row.state == "cancelled" and row.sample is None and queue.claim() is None


def test_a_tenant_has_a_few_at_a_time_and_takes_turns_with_others(keeping: Tenant, globex: Tenant) -> None:
    for _ in range(queue.MOST_OPEN):
        ask(keeping, POISON, sample=lines(asked("x")))
    with pytest.raises(ValidationError, match="3 replays are under way"):
        ask(keeping, POISON, sample=lines(asked("x")))
    ask(globex, POISON, sample=lines(asked("x")))
    assert len(list(iter(queue.claim, None))) == 4


def test_what_is_old_is_forgotten_and_what_waits_for_ever_fails(keeping: Tenant) -> None:
    row = ask(keeping, POISON, sample=lines(asked("x")))
    queue.tend(timezone.now() + timedelta(days=2))
    row.refresh_from_db()
    assert row.state == "failed" and "No worker took it" in row.reason and row.sample is None
    queue.tend(timezone.now() + timedelta(days=31))
    assert not PolicyReplay.objects.exists()


def test_one_tenants_text_is_not_judged_for_another(keeping: Tenant, globex: Tenant) -> None:
    other = actions.change_tenant(actor="test", tenant=globex, transcripts={"enabled": True})
    keep(other, "req_1", "poison")
    assert done(ask(keeping, POISON, days=7)).calls == 0
    assert queue.of_owner(keeping, PolicyReplay.objects.get().pk) is not None
    assert queue.of_owner(other, PolicyReplay.objects.get().pk) is None


def test_rules_whose_detectors_are_asked_elsewhere_are_named() -> None:
    elsewhere = {**POISON, "name": "elsewhere", "match": {"detector": "http"}}
    inside = {**POISON, "name": "inside", "match": {"detector": "jailbreak"}}
    assert running.not_asked({"rules": [POISON, elsewhere]}, {"rules": [inside]}, {}) == ["elsewhere"]


class TestCommand:
    def run(self, *arguments: str) -> dict[str, Any]:
        out = StringIO()
        call_command("replay_policy", *arguments, "--json", stdout=out)
        return dict(json.loads(out.getvalue()))

    def test_a_file_is_tried_against_what_holds(self, keeping: Tenant, tmp_path: Path) -> None:
        sample, draft = tmp_path / "sample.jsonl", tmp_path / "rules.yaml"
        sample.write_text(lines(asked("poison"), "nope", asked("tea")))
        draft.write_text(json.dumps({"rules": [POISON]}))
        report = self.run("--tenant", "acme", "--file", str(sample), "--draft", str(draft))
        assert report["changes"] == {"newly blocked": 1} and report["errors"][0]["call"] == "line 2"
        out = StringIO()
        call_command("replay_policy", "--file", str(sample), "--draft", str(draft), stdout=out)
        assert "newly blocked: 1" in out.getvalue() and "line 2: malformed JSON" in out.getvalue()

    def test_kept_text_is_tried_with_the_draft(self, keeping: Tenant) -> None:
        keep(keeping, "req_1", "poison")
        with pytest.raises(CommandError, match="There is no draft"):
            self.run("--tenant", "acme", "--days", "7")
        actions.draft_policy(actor="test", tenant=keeping, document={"rules": [POISON]})
        assert self.run("--tenant", "acme", "--days", "7")["differing"][0]["call"] == "req_1"

    def test_what_is_wrong_is_said_with_its_place(self, keeping: Tenant, tmp_path: Path) -> None:
        bad = tmp_path / "bad.yaml"
        bad.write_text(json.dumps({"rules": [{**POISON, "action": "burn"}]}))
        with pytest.raises(CommandError, match=r"--draft: rules\[0\] \(poison\): action"):
            self.run("--tenant", "acme", "--days", "1", "--draft", str(bad))
        bad.write_text("nope\nno")
        actions.draft_policy(actor="test", tenant=keeping, document={"rules": [POISON]})
        with pytest.raises(CommandError, match="line 1: malformed JSON"):
            self.run("--tenant", "acme", "--file", str(bad))
        with pytest.raises(CommandError, match="--file"):
            self.run("--tenant", "acme", "--file", str(tmp_path / "absent"))


def test_a_line_of_a_sample_is_checked_as_a_request_is(keeping: Tenant) -> None:
    [(found, _)] = sources.of_sample(lines(asked("x", temperature="hot")))
    assert isinstance(found, sources.Unreadable) and "temperature" in found.why
