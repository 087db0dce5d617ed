"""The search box: what a question would find, with the scores of each part, and nothing of anybody else's."""

import pytest
from django.test import Client

from tenants import actions
from tenants.models import Collection, Tenant
from tests.proxy.knowledge.conftest import load, work_off
from tests.proxy.knowledge.fakes import WordVectors

pytestmark = pytest.mark.usefixtures("_quick_reader", "_same_minute")


@pytest.fixture
def url(handbook: Collection, rival: Collection) -> str:
    load(handbook, "leave.md", "# Leave\nEverybody has thirty days of leave, <b>at least</b>.")
    load(handbook, "travel.md", "# Travel\nTrains are booked by the office.")
    load(rival, "secret.md", "Everybody has ninety days of leave in gold.")
    work_off()
    return f"/t/acme/collections/{handbook.pk}/search/"


def ask(client: Client, url: str, question: str, *, whole: bool = False, **fields: str) -> str:
    headers = {} if whole else {"hx-request": "true"}
    return client.post(url, {"question": question, **fields}, headers=headers).content.decode()


def test_it_shows_what_is_found_why_and_where(viewer: Client, url: str) -> None:
    found = ask(viewer, url, "How many days of leave?")
    assert "<html" not in found
    assert found.index("thirty") < found.index("Trains")
    assert "<mark>days</mark> of <mark>leave</mark>" in found and "&lt;b&gt;at least" in found
    assert "Meaning" in found and "Words" in found and "1.00" in found
    assert "gold" not in found
    page = ask(viewer, url, "days of leave", whole=True)
    assert "<html" in page and "thirty" in page


def test_another_way_and_another_number_are_asked_for(viewer: Client, url: str) -> None:
    assert ask(viewer, url, "leave", top_k="1").count("<li>") == 1
    assert "Trains" not in ask(viewer, url, "leave", mode="words")
    assert "Select a valid choice" in ask(viewer, url, "leave", mode="magic")


def test_what_requests_leave_out_follows_the_tenants_setting(viewer: Client, url: str, acme: Tenant) -> None:
    actions.change_tenant(actor="x", tenant=acme, inject={"min_score": 0.4})
    found = ask(viewer, url, "How many days of leave?")
    assert found.count("requests leave it out: below 0.4") == 1  # what has no word in common
    assert found.index("thirty") < found.index("leave it out")


def test_a_question_is_put_into_no_address_and_stays_text(viewer: Client, url: str) -> None:
    assert 'method="post"' in viewer.get(url).content.decode()
    page = ask(viewer, url, '"><script>x</script>', whole=True)
    assert "<script>x" not in page and "&lt;script&gt;x" in page


def test_a_model_that_rests_is_said(viewer: Client, url: str) -> None:
    WordVectors.is_down = True
    assert "cannot be searched now: The model rests." in ask(viewer, url, "leave")


def test_who_asks_without_end_is_slowed_down(viewer: Client, url: str) -> None:
    statuses = {viewer.post(url, {"question": ""}).status_code for _ in range(61)}
    assert statuses == {200, 429}
