"""The page of a request says which passages it was given, where they are from and why they were chosen."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from admin_ui import passages
from proxy.models import UsageRecord
from tenants.models import Tenant
from tests.admin_ui import calls

pytestmark = pytest.mark.django_db
FOUND = {
    "document": "b1",
    "title": "<b>Staff</b> rules, page 12",
    "source": "handbook/rules.pdf#page=12",
    "total": 1.0,
    "vector": 0.6123,
    "words": 2.5,
}
LOOKED_UP = {"step": "rag", "us": 900, "collections": ["handbook", "law"], "passages": [FOUND], "turns": 1}


def shown(client: Client, person: User, tenant: Tenant, *trace: dict[str, Any]) -> str:
    row = calls.record(tenant, trace=list(trace))
    row.save()
    client.force_login(person)
    return client.get(f"/t/{tenant.slug}/requests/{row.pk}/").content.decode()


def test_each_passage_is_told_with_its_place_and_scores(client: Client, acme: Tenant, alice: User) -> None:
    page = shown(client, alice, acme, LOOKED_UP)
    for words in ("handbook/rules.pdf#page=12", "meaning 0.61", "words 2.50", "Looked up in handbook, law"):
        assert words in page
    assert "&lt;b&gt;Staff&lt;/b&gt; rules, page 12" in page and "<b>Staff</b>" not in page
    assert "reads like orders" not in page
    assert "reads like orders" in shown(client, alice, acme, {**LOOKED_UP, "passages": [{**FOUND, "suspicious": True}]})


def test_a_passage_leads_to_where_it_stands_and_says_whether_it_is_cited(
    client: Client, acme: Tenant, alice: User
) -> None:
    page = shown(client, alice, acme, LOOKED_UP, {"step": "cited", "us": 1, "documents": {"b1": 2}})
    assert 'href="/t/acme/collections/source/?of=handbook%2Frules.pdf%23page%3D12"' in page
    assert ">cited</span>" in page and "Count what it cites" in page
    assert ">cited</span>" not in shown(client, alice, acme, LOOKED_UP)


def test_all_that_the_model_searched_for_by_itself_is_told_once(client: Client, acme: Tenant, alice: User) -> None:
    first = {"step": "search", "us": 9, "collections": ["handbook"], "passages": [FOUND]}
    second = {**first, "collections": ["law"], "passages": [FOUND, {**FOUND, "source": "law/acts.md"}]}
    page = shown(client, alice, acme, first, second, {"step": "search", "us": 9, "refused": "query: give a text"})
    assert "Looked up in handbook, law" in page and page.count("law/acts.md") >= 1
    assert page.count("meaning 0.61") == 2


def test_nothing_found_and_a_failure_are_said(client: Client, acme: Tenant, alice: User) -> None:
    assert "Nothing fitted the question" in shown(client, alice, acme, {**LOOKED_UP, "passages": []})
    failed = {"step": "rag", "us": 9, "collections": ["handbook"], "failed": "the store rests"}
    page = shown(client, alice, acme, failed)
    assert "Could not be looked up" in page and "the store rests" in page


def test_without_a_look_up_nothing_is_said() -> None:
    assert passages.of_call(UsageRecord(trace=[{"step": "auth", "us": 1}])) is None
