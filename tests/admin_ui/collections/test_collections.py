"""Collections in the browser: who sees which, what may be changed by whom, and what a change is said to bring about."""

import pytest
from django.test import Client

from proxy.knowledge import indexes
from tenants import actions
from tenants.models import AuditEntry, Collection, Tenant
from tests.admin_ui.shelf import shelve
from tests.proxy.knowledge.conftest import load

URL = "/t/acme/collections/"
FIELDS = {
    "name": "policies",
    "description": "What holds",
    "embedding": "default",
    "chunk_tokens": "240",
    "chunk_overlap": "32",
    "reranking": "none",
    "personal_data": "keep",
    "suspicious": "mark",
    "key_globs": "*",
    "roles": ["owner", "admin", "member"],
    "is_required": "on",
}


def text(client: Client, path: str = "") -> str:
    return client.get(URL + path).content.decode()


def test_without_any_it_says_what_they_are_for_and_who_may_make_one(owner: Client, member: Client) -> None:
    assert "Make the first collection" in text(owner)
    assert "An owner or admin of this tenant can make one" in text(member)


def test_one_is_made_changed_and_deleted_and_all_of_it_is_in_the_audit(owner: Client, acme: Tenant) -> None:
    made = owner.post(f"{URL}new/", FIELDS, follow=True)
    row = Collection.objects.get(tenant=acme)
    assert "policies is there" in made.content.decode()
    assert (row.is_required, row.roles, row.key_globs) == (True, ["owner", "admin", "member"], ["*"])
    changed = {**FIELDS, "is_required": "", "key_globs": "ci-*\nweb", "roles": ["owner"], "suspicious": "leave_out"}
    assert owner.post(f"{URL}{row.pk}/settings/", changed).status_code == 302
    row.refresh_from_db()
    assert (row.is_required, row.roles, row.key_globs) == (False, ["owner"], ["ci-*", "web"])
    assert owner.post(f"{URL}{row.pk}/delete/").status_code == 302
    done = AuditEntry.objects.filter(action__startswith="collection.").order_by("revision")
    assert [entry.action for entry in done] == ["collection.add", "collection.change", "collection.delete"]
    assert set(done[1].changes) == {"is_required", "key_globs", "roles", "suspicious"}


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("name", "No Spaces", "Use lower-case letters"),
        ("name", "handbook", "has a collection of this name already"),
        ("embedding", "nowhere/model", "has no upstream"),
        ("reranking", "nowhere/model", "has no upstream"),
        ("personal_data", "sell", "Select a valid choice"),
        ("chunk_tokens", "5000", "less than or equal to 4000"),
        ("key_globs", "", "This field is required"),
    ],
)
def test_what_cannot_be_is_refused_at_its_field(
    owner: Client, handbook: Collection, field: str, value: str, words: str
) -> None:
    answer = owner.post(f"{URL}new/", {**FIELDS, field: value})
    assert answer.status_code == 422 and words in answer.content.decode()
    assert Collection.objects.count() == 1


def test_a_script_makes_one_by_its_name(owner: Client, acme: Tenant) -> None:
    answer = owner.post(f"{URL}new/", {"name": "notes"}, headers={"accept": "application/json"})
    row = Collection.objects.get(tenant=acme)
    assert (answer.status_code, answer.json()["upload"]) == (201, f"{URL}{row.pk}/upload/")
    again = owner.post(f"{URL}new/", {"name": "notes"}, headers={"accept": "application/json"})
    assert again.status_code == 422 and "already" in again.json()["error"]


def test_deleting_says_what_goes_and_who_asks_it(owner: Client, acme: Tenant, handbook: Collection) -> None:
    shelve(handbook, "leave.md", "one", "two")
    actions.change_tenant(actor="x", tenant=acme, inject={"collections": ["handbook"]})
    actions.issue_key(actor="x", tenant=acme, name="ci", inject={"collections": ["handbook"]})
    said = text(owner, f"{handbook.pk}/delete/")
    assert "<strong>1 document</strong>" in said and "2 passages" in said
    assert "1 key names it in settings of its own" in said and "Requests of this tenant are given" in said


def test_members_load_but_managers_alone_decide(member: Client, viewer: Client, handbook: Collection) -> None:
    for path in ("new/", f"{handbook.pk}/settings/", f"{handbook.pk}/delete/", "requests/"):
        assert {client.get(URL + path).status_code for client in (member, viewer)} == {403}, path
    assert 'id="loader"' in text(member, f"{handbook.pk}/")
    assert 'id="loader"' not in text(viewer, f"{handbook.pk}/")


def test_what_is_not_open_to_a_role_does_not_exist_for_it(owner: Client, member: Client, handbook: Collection) -> None:
    document = load(handbook, "leave.md", "x")
    actions.change_collection(actor="x", collection=handbook, roles=["owner"])
    paths = (f"{handbook.pk}/", f"{handbook.pk}/search/", f"{handbook.pk}/progress/", f"documents/{document.pk}/")
    assert {member.get(URL + path).status_code for path in paths} == {404}
    assert member.post(f"{URL}{handbook.pk}/upload/").status_code == 404
    assert "handbook" not in text(member) and "handbook" in text(owner)


def test_documents_are_narrowed_by_state_words_and_tags_and_pages_keep_it(owner: Client, handbook: Collection) -> None:
    shelve(handbook, "leave.md", "x", tags=("hr", "über uns"))
    for number in range(60):
        load(handbook, f"note-{number:02}.txt", str(number))
    page = f"{handbook.pk}/"
    assert "leave.md" in text(owner, f"{page}?show=ready") and "note-" not in text(owner, f"{page}?show=ready")
    assert "leave.md" in text(owner, f"{page}?tag=über+uns") and "note-" not in text(owner, f"{page}?tag=hr")
    assert "leave.md" not in text(owner, f"{page}?tag=h")
    second = text(owner, f"{page}?q=note&show=reading&page=2")
    assert "51–60 of 60" in second and "?q=note&amp;show=reading&amp;page=1" in second
    assert "No document fits" in text(owner, f"{page}?q=nothing-of-this")


def test_a_new_index_in_the_making_is_said(owner: Client, handbook: Collection) -> None:
    shelve(handbook, "leave.md", "x")
    assert "have the document read again" in text(owner, f"{handbook.pk}/settings/")
    indexes.follow(actions.change_collection(actor="x", collection=handbook, chunk_tokens=100))
    assert "0 of 1 documents are in it" in text(owner, f"{handbook.pk}/")
