"""Documents over HTTP, by key: what a key may, what it may not, and that other tenants' do not exist."""

import json
import uuid
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from proxy.knowledge.models import Document
from tenants import actions
from tenants.models import Collection, Tenant
from tests.proxy.knowledge.conftest import load, work_off

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("_quick_reader")]
LEAVE = b"# Leave\nEverybody has thirty days of leave."


class Api:
    """A client with a key."""

    def __init__(self, tenant: Tenant, *, name: str = "loader", scopes: tuple[str, ...] = ("documents",)) -> None:
        issued = actions.issue_key(actor="test", tenant=tenant, name=name, scopes=list(scopes))
        self._client = Client(headers={"x-api-key": issued.secret})

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        options = {} if body is None else {"data": json.dumps(body), "content_type": "application/json"}
        answer = getattr(self._client, method)(f"/api{path}", **options)
        return answer.status_code, json.loads(answer.content) if answer.content else None

    def upload(self, collection: str, name: str, content: bytes, **fields: str) -> tuple[int, Any]:
        data = {"file": SimpleUploadedFile(name, content), **fields}
        answer = self._client.post(f"/api/collections/{collection}/documents", data=data)
        return answer.status_code, json.loads(answer.content)


@pytest.fixture
def api(acme: Tenant, handbook: Collection) -> Api:
    return Api(acme)


def test_a_document_is_loaded_watched_searched_changed_and_deleted(api: Api) -> None:
    status, loaded = api.upload("handbook", "leave.md", LEAVE, tags="hr, it", metadata='{"year": "2026"}')
    assert (status, loaded["change"], loaded["document"]["status"]) == (200, "created", "queued")
    assert api.upload("handbook", "leave.md", LEAVE)[1]["change"] == "unchanged"
    place = f"/documents/{loaded['document']['id']}"
    work_off()
    status, row = api.ask("get", place)
    assert (row["status"], row["title"], row["chunks"], row["tags"]) == ("indexed", "Leave", 1, ["hr", "it"])
    assert api.ask("get", f"{place}/chunks")[1][0]["text"] == "Everybody has thirty days of leave."
    asked = {"query": "days of leave", "collections": ["handbook"], "tags": ["hr"], "metadata": {"year": "2026"}}
    [passage] = api.ask("post", "/search", asked)[1]["passages"]
    assert (passage["heading"], passage["document"], passage["score"]) == ("Leave", "leave.md", 1.0)
    assert api.ask("post", "/search", {**asked, "tags": ["no"]})[1] == {"passages": []}
    assert api.ask("patch", place, {"title": "Days off"})[1]["title"] == "Days off"
    assert api.ask("post", f"{place}/reindex")[1]["status"] == "queued"
    assert api.ask("post", f"{place}/cancel")[1]["status"] == "cancelled"
    assert api.ask("delete", place) == (204, None)
    assert api.ask("get", place)[0] == 404


def test_lists_are_paged(api: Api, handbook: Collection) -> None:
    for number in range(5):
        load(handbook, f"{number}.txt", str(number))
    first = api.ask("get", "/collections/handbook/documents?limit=3")[1]
    rest = api.ask("get", f"/collections/handbook/documents?limit=3&after={first['next']}")[1]
    assert [row["name"] for page in (first, rest) for row in page["documents"]] == [f"{n}.txt" for n in range(5)]
    assert rest["next"] is None
    assert api.ask("get", "/collections/handbook/documents?status=failed")[1]["documents"] == []


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("get", "/collections/handbook", None),
        ("patch", "/collections/handbook", {"description": "x"}),
        ("delete", "/collections/handbook", None),
        ("get", "/collections/handbook/documents", None),
        ("post", "/collections/handbook/documents", None),
        ("get", "/documents/{id}", None),
        ("patch", "/documents/{id}", {"title": "x"}),
        ("delete", "/documents/{id}", None),
        ("post", "/documents/{id}/reindex", None),
        ("post", "/documents/{id}/cancel", None),
        ("get", "/documents/{id}/chunks", None),
        ("post", "/search", {"query": "leave", "collections": ["handbook"]}),
    ],
)
def test_what_is_anothers_or_not_for_this_key_does_not_exist(
    handbook: Collection, globex: Tenant, acme: Tenant, method: str, path: str, body: Any
) -> None:
    row = load(handbook, "leave.md", LEAVE)
    actions.change_collection(actor="test", collection=handbook, key_globs=["hr-*"])
    strangers = [Api(globex), Api(acme, name="ci")]
    for stranger in strangers:
        there = _ask(stranger, method, path.format(id=row.pk), body)
        missing = _ask(stranger, method, path.format(id=uuid.UUID(int=1)), body)
        assert there[0] == missing[0] == 404, path
        assert there[1]["error"]["type"] == "not_found_error"
    assert Document.objects.get().title == "" and Collection.objects.get().description == ""
    assert _ask(Api(acme, name="hr-1"), "get", f"/documents/{row.pk}", None)[0] == 200


def _ask(api: Api, method: str, path: str, body: Any) -> tuple[int, Any]:
    if method == "post" and path.endswith("/documents"):
        return api.upload(path.split("/")[2], "leave.md", b"x")
    return api.ask(method, path, body)


def test_without_a_good_key_nothing_is_said(client: Client, acme: Tenant, handbook: Collection) -> None:
    for path in ("/api/collections", "/api/collections/handbook/documents", f"/api/documents/{uuid.uuid4()}"):
        answer = client.get(path)
        assert answer.status_code == 401
        assert json.loads(answer.content)["error"]["type"] == "authentication_error"
    status, refused = Api(acme, name="asker", scopes=("messages",)).ask("get", "/collections")
    assert (status, refused["error"]["message"]) == (
        403,
        "This key lacks the scope 'documents': ask for a key that has it.",
    )


@pytest.mark.parametrize(
    ("name", "fields", "told"),
    [
        ("leave.exe", {}, "file: Files of this ending are not read here."),
        ("leave.md", {"metadata": "[]"}, "metadata: give a JSON object"),
        ("leave.md", {"tags": "x" * 200}, "tags: Give up to 50 tags"),
    ],
)
def test_a_wrong_upload_names_the_field(api: Api, name: str, fields: dict[str, str], told: str) -> None:
    status, refused = api.upload("handbook", name, LEAVE, **fields)
    assert (status, refused["error"]["type"]) == (400, "invalid_request_error")
    assert refused["error"]["message"].startswith(told)


def test_a_sign_in_is_no_key(client: Client, handbook: Collection, alice: Any) -> None:
    client.force_login(alice)
    assert client.get("/api/collections").status_code == 401
