"""Replays on the pages: asked for, watched, cancelled, read and taken home, by those who may."""

import json
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from proxy.replays import queue, tasks
from proxy.replays.models import PolicyReplay
from proxy.replays.queue import Material
from proxy.transcripts import keeper
from proxy.transcripts.keeper import Taken
from proxy.transcripts.models import Transcript
from proxy.transcripts.sealing import Said
from tenants import actions, transcript_keys
from tenants.models import AuditEntry, Tenant

URL = "/t/acme/policies/replays/"
POISON = {"name": "poison", "on": ["request"], "match": {"keywords": ["poison"]}, "action": "block"}
BOMB = {"name": "bomb", "on": ["response"], "match": {"keywords": ["bomb"]}, "action": "block"}
DRAFT = {"rules": [POISON, BOMB]}
HOSTILE = "<script>alert(1)</script> poison"


@pytest.fixture(autouse=True)
def sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    sent: list[str] = []
    monkeypatch.setattr("proxy.replays.wakening.send", lambda task, _queue: sent.append(task))
    return sent


@pytest.fixture
def page(client: Client, alice: User, acme: Tenant) -> Client:
    actions.draft_policy(actor="test", tenant=acme, document=DRAFT)
    client.force_login(alice)
    return client


def body(text: str, **more: Any) -> str:
    return json.dumps({"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": text}], **more})


def keep(tenant: Tenant, name: str, text: str, answer: str = "") -> None:
    row = actions.change_tenant(actor="test", tenant=tenant, transcripts={"enabled": True})
    document = (
        json.dumps({"type": "message", "content": [{"type": "text", "text": answer}]}).encode() if answer else b""
    )
    said = Said(body(text).encode())
    keeper.write([Taken(name, tenant.pk, timezone.now(), transcript_keys.of(row), said, document=document)])


def file(*lines: str) -> SimpleUploadedFile:
    return SimpleUploadedFile("sample.jsonl", "\n".join(lines).encode())


async def read(pieces: Any) -> list[bytes]:
    return [piece async for piece in pieces]


def version(tenant: Tenant) -> int:
    return tenant.policy_versions.get(state="draft").pk


def asked(page: Client, tenant: Tenant, **fields: Any) -> PolicyReplay:
    answer = page.post(URL, {"version": version(tenant), **fields})
    assert answer.status_code == 302, answer.content.decode()
    row = PolicyReplay.objects.get()
    assert answer.headers["location"] == f"{URL}{row.pk}/"
    return row


def test_without_kept_text_the_page_says_how_to_switch_it_on_and_takes_a_sample(page: Client, acme: Tenant) -> None:
    shown = page.get(URL).content.decode()
    assert "This tenant keeps no text." in shown and "/t/acme/settings/text/" in shown
    row = asked(page, acme, on="sample", sample=file(body("poison"), "{bad", body(HOSTILE), body("tea")))
    tasks.replay()
    report = page.get(f"{URL}{row.pk}/").content.decode()
    assert "line 1" in report and "newly blocked" in report and "malformed JSON" in report
    assert "<script>alert" not in report and "every 1s" not in report and "line 4" not in report


def test_kept_text_is_tried_watched_and_shown_where_it_fits(page: Client, acme: Tenant, sent: list[str]) -> None:
    keep(acme, "req_1", HOSTILE)
    keep(acme, "req_2", "tea", answer="a bomb <b>")
    row = asked(page, acme, on="kept", days="7")
    assert sent == ["proxy.replays.tasks.replay"] and row.total == 2
    assert "every 1s" in page.get(f"{URL}{row.pk}/progress/").content.decode()
    tasks.replay()
    report = page.get(f"{URL}{row.pk}/").content.decode()
    assert "/t/acme/requests/req_1/" in report and "every 1s" not in report and "<script>alert" not in report
    assert not AuditEntry.objects.filter(action="transcripts.view").exists()
    shown = page.post(f"{URL}{row.pk}/where/", {"call": "req_1"}).content.decode()
    assert "&lt;script&gt;" in shown and "poison</mark>" in shown and "<script>alert" not in shown
    assert "bomb</mark>" in page.post(f"{URL}{row.pk}/where/", {"call": "req_2"}).content.decode()
    seen = AuditEntry.objects.filter(action="transcripts.view").values_list("changes", flat=True)
    assert [one["request"][1] for one in seen.order_by("revision")] == ["req_1", "req_2"]
    Transcript.objects.all().delete()
    assert "not kept any more" in page.post(f"{URL}{row.pk}/where/", {"call": "req_1"}).content.decode()


def test_only_calls_of_the_report_are_shown(page: Client, acme: Tenant) -> None:
    keep(acme, "req_1", "tea")
    row = asked(page, acme, on="kept", days="7")
    tasks.replay()
    answer = page.post(f"{URL}{row.pk}/where/", {"call": "req_1"}).content.decode()
    assert "tea" not in answer and not AuditEntry.objects.filter(action="transcripts.view").exists()
    assert "Nothing changes." in page.get(f"{URL}{row.pk}/").content.decode()


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"on": "sample"}, "Choose a file."),
        ({"on": "sample", "sample": file("{bad", '{"model": "m"}')}, "Line 2: "),
        ({"on": "sample", "sample": file(*[body("x")] * 2001)}, "2,001 lines"),
        ({"on": "sample", "sample": SimpleUploadedFile("a", b"\xff\xfe")}, "UTF-8"),
        ({"on": "sample", "sample": SimpleUploadedFile("a", b"{}" * 1_100_000)}, "too large"),
        ({"on": "kept", "days": ""}, "valid choice"),
    ],
)
def test_what_cannot_be_tried_is_refused_at_its_field(page: Client, acme: Tenant, fields: Any, words: str) -> None:
    answer = page.post(URL, {"version": version(acme), **fields})
    assert answer.status_code == 422 and words in answer.content.decode()
    assert not PolicyReplay.objects.exists()


def test_one_can_be_cancelled_and_there_are_a_few_at_a_time(page: Client, acme: Tenant) -> None:
    row = asked(page, acme, on="sample", sample=file(body("poison")))
    answer = page.post(f"{URL}{row.pk}/", follow=True).content.decode()
    assert "It is cancelled." in answer and "Cancelled" in answer
    for _ in range(queue.MOST_OPEN):
        page.post(URL, {"version": version(acme), "on": "sample", "sample": file(body("x"))})
    answer = page.post(URL, {"version": version(acme), "on": "sample", "sample": file(body("x"))})
    assert answer.status_code == 422 and b"replays are under way" in answer.content


def test_the_report_is_taken_home_as_csv_and_json(page: Client, acme: Tenant) -> None:
    row = queue.ask(acme, DRAFT, Material(sample=body("poison")), title="=evil()", author="alice")
    tasks.replay()
    pieces = page.get(f"{URL}{row.pk}/calls.csv").streaming_content  # type: ignore[attr-defined]
    assert b"".join(async_to_sync(read)(pieces)).decode().splitlines() == [
        "call,change,tried_effects,holding_effects,tried_rules,holding_rules",
        "line 1,newly blocked,blocked,,poison (request),",
    ]
    answer = page.get(f"{URL}{row.pk}/report.json")
    assert json.loads(answer.content)["changes"] == {"newly blocked": 1}
    assert "attachment" in answer.headers["content-disposition"]


def test_members_and_others_get_nothing_of_it(client: Client, acme: Tenant, bob: User, globex: Tenant) -> None:
    row = queue.ask(globex, DRAFT, Material(sample=body("poison")), title="T", author="charlie")
    own = queue.ask(acme, DRAFT, Material(sample=body("poison")), title="T", author="alice")
    client.force_login(bob)
    for path in ("", f"{own.pk}/", f"{own.pk}/progress/", f"{own.pk}/calls.csv", f"{own.pk}/report.json"):
        assert client.get(f"{URL}{path}").status_code == 403
    client.force_login(User.objects.create_superuser("root"))
    assert client.get(f"{URL}{row.pk}/").status_code == 404
    assert client.get(f"/t/globex/policies/replays/{row.pk}/").status_code == 200
    assert client.get(f"/platform/policies/replays/{row.pk}/").status_code == 404


def test_the_platforms_policy_is_tried_on_a_sample(client: Client, db: None) -> None:
    client.force_login(User.objects.create_superuser("root"))
    url = "/platform/policies/replays/"
    assert "No policy to try yet" in client.get(url).content.decode()
    draft = actions.draft_policy(actor="test", tenant=None, document=DRAFT)
    assert "samples alone" in client.get(url).content.decode()
    answer = client.post(url, {"version": draft.pk, "on": "sample", "sample": file(body("poison"))}, follow=True)
    tasks.replay()
    assert "line 1" in client.get(answer.redirect_chain[-1][0]).content.decode()
