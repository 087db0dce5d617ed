"""Kept text on the pages: who may keep, delete and read it, and that each look is in the audit."""

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from proxy.transcripts import keeper
from proxy.transcripts.keeper import Taken
from proxy.transcripts.models import Transcript
from proxy.transcripts.sealing import Said
from tenants import actions, transcript_keys
from tenants.models import AuditEntry, Tenant
from tests.admin_ui.calls import record

URL = "/t/acme/settings/text/"
BODY = b'{"tools":[{"name":"Bash"}],"messages":[{"role":"user","content":"<script>alert(1)</script> canary-asked"}]}'
ANSWER = (
    b'{"type":"message","content":[{"type":"text","text":"canary-said"},'
    b'{"type":"tool_use","name":"Bash","input":{"command":"ls <b>"}}]}'
)


@pytest.fixture
def page(client: Client, alice: User) -> Client:
    client.force_login(alice)
    return client


def keep(tenant: Tenant) -> str:
    """A call of the tenant's with its text; its id."""
    call = record(tenant)
    call.save()
    row = actions.change_tenant(actor="test", tenant=tenant, transcripts={"enabled": True})
    taken = Taken(call.pk, tenant.pk, timezone.now(), transcript_keys.of(row), Said(BODY), document=ANSWER)
    keeper.write([taken])
    return str(call.pk)


def text_url(slug: str, call: str) -> str:
    return f"/t/{slug}/requests/{call}/text/"


def test_it_is_off_until_somebody_turns_it_on_and_says_what_that_means(page: Client, acme: Tenant) -> None:
    first = page.get(URL).content.decode()
    assert "No text is kept." in first and "Nothing is looked for here" in first
    assert "is not kept" in page.get("/t/acme/settings/").content.decode()
    answer = page.post(URL, {"enabled": "on", "days": "3", "max_mb": "1024"}, follow=True).content.decode()
    assert "Text is kept from the next second on." in answer and "is kept for 3 days" in answer
    acme.refresh_from_db()
    assert acme.transcripts == {"enabled": True, "days": 3} and acme.transcript_key


def test_what_cannot_be_is_refused_at_its_field(page: Client, acme: Tenant) -> None:
    answer = page.post(URL, {"enabled": "on", "days": "366", "max_mb": "1"})
    assert answer.status_code == 422 and b"less than or equal to 365" in answer.content
    acme.refresh_from_db()
    assert acme.transcripts == {}


def test_a_manager_reads_it_as_text_and_the_audit_says_so(page: Client, acme: Tenant) -> None:
    call = keep(acme)
    offered = page.get(f"/t/acme/requests/{call}/").content.decode()
    assert "Show the text" in offered and "canary" not in offered
    assert not AuditEntry.objects.filter(action="transcripts.view").exists()
    for headers in ({}, {"hx-request": "true"}):
        shown = page.post(text_url("acme", call), headers=headers).content.decode()
        assert "canary-asked" in shown and "canary-said" in shown and "Model calls Bash" in shown
        assert "<script>alert" not in shown and "&lt;script&gt;" in shown and "ls &lt;b&gt;" in shown
        assert ("<html" in shown) == (not headers)
    entry = AuditEntry.objects.filter(action="transcripts.view").latest("revision")
    assert (entry.actor, entry.changes) == ("user:alice", {"request": [None, call]})
    assert page.get(text_url("acme", call)).status_code == 405


def test_members_neither_see_nor_get_it(client: Client, acme: Tenant, bob: User) -> None:
    call = keep(acme)
    client.force_login(bob)
    assert "Show the text" not in client.get(f"/t/acme/requests/{call}/").content.decode()
    assert client.post(text_url("acme", call)).status_code == 403
    assert client.post(f"{URL}delete/").status_code == 403 and client.get(URL).status_code == 403
    assert Transcript.objects.count() == 1


def test_another_tenant_s_text_looks_like_none(page: Client, globex: Tenant) -> None:
    call = keep(globex)
    assert page.post(text_url("acme", call)).status_code == page.post(text_url("acme", "req_0")).status_code == 404
    assert page.post(text_url("globex", call)).status_code == 404


def test_all_of_it_can_be_deleted(page: Client, acme: Tenant, globex: Tenant) -> None:
    keep(acme)
    keep(globex)
    assert "1 request" in page.get(f"{URL}delete/").content.decode()
    answer = page.post(f"{URL}delete/", follow=True).content.decode()
    assert "The text of 1 request is deleted." in answer
    assert [row.tenant_id for row in Transcript.objects.all()] == [globex.pk]
    assert AuditEntry.objects.filter(action="transcripts.purge", changes={"calls": [1, 0]}).exists()


def test_what_does_not_open_is_said_in_words(page: Client, acme: Tenant) -> None:
    call = keep(acme)
    Transcript.objects.update(sealed=b"x" * 40)
    assert "It cannot be opened." in page.post(text_url("acme", call)).content.decode()
