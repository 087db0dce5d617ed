"""What requests are given, as forms: kept as a file would have it, for the tenant and for keys that differ."""

import pytest
from django.test import Client

from tenants import actions
from tenants.models import ApiKey, Collection, Tenant

URL = "/t/acme/collections/requests/"
TENANT = {
    "collections": ["handbook"],
    "top_k": "3",
    "min_score": "0.3",
    "max_tokens": "2000",
    "as": "search_result",
    "citations": "on",
}


@pytest.fixture
def key(acme: Tenant, handbook: Collection) -> ApiKey:
    actions.add_collection(actor="x", tenant=acme, name="board", key_globs=["board-*"])
    return actions.issue_key(actor="x", tenant=acme, name="ci").key


def test_only_what_differs_from_the_defaults_is_kept(owner: Client, acme: Tenant, handbook: Collection) -> None:
    assert owner.post(URL, TENANT).status_code == 302
    acme.refresh_from_db()
    assert acme.inject == {"collections": ["handbook"], "top_k": 3}
    page = owner.get(URL).content.decode()
    assert 'value="handbook"' in page and 'value="3"' in page
    without = {name: value for name, value in TENANT.items() if name != "citations"}
    owner.post(URL, {**without, "collections": [], "top_k": "5", "tool": "on"})
    acme.refresh_from_db()
    assert acme.inject == {"citations": False, "tool": True}


@pytest.mark.parametrize(
    ("field", "value"), [("top_k", "51"), ("min_score", "2"), ("as", "xml"), ("collections", "ghosts"), ("top_k", "")]
)
def test_what_cannot_be_is_refused(owner: Client, acme: Tenant, handbook: Collection, field: str, value: str) -> None:
    assert owner.post(URL, {**TENANT, field: value}).status_code == 422
    acme.refresh_from_db()
    assert acme.inject == {}


def test_a_key_differs_in_what_is_filled_in(owner: Client, acme: Tenant, key: ApiKey) -> None:
    place = f"{URL}keys/{key.pk}/"
    page = owner.get(place).content.decode()
    assert "5 as the tenant" in page and "board" not in page.split("<main")[1].split("</form>")[0]
    for form, kept in (
        ({"which": "own", "collections": ["handbook"], "top_k": "9"}, {"collections": ["handbook"], "top_k": 9}),
        ({"which": "none", "citations": "false"}, {"collections": [], "citations": False}),
        ({"tool": "true"}, {"tool": True}),
        ({"tool": "false"}, {"tool": False}),
        ({"as": "text", "min_score": "0"}, {"as": "text", "min_score": 0.0}),
    ):
        assert owner.post(place, form).status_code == 302
        key.refresh_from_db()
        assert key.inject == kept
    assert "min_score 0.0 · as text" in owner.get(URL).content.decode()
    assert owner.post(place, {"which": ""}).status_code == 302
    key.refresh_from_db()
    assert key.inject == {}


def test_a_collection_that_the_key_may_not_ask_is_refused(owner: Client, key: ApiKey) -> None:
    place = f"{URL}keys/{key.pk}/"
    assert owner.post(place, {"which": "own", "collections": ["board"]}).status_code == 422
    answer = owner.post(place, {"which": "own"})
    assert answer.status_code == 422 and "Choose at least one" in answer.content.decode()
