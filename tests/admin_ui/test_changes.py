"""What people change through the pages: secrets shown once, every change in the audit, no way around the last owner."""

from typing import Any

import httpx
import pytest
from django.contrib.auth.models import User
from django.test import Client

from proxy.doctor import upstreams as doctor_upstreams
from tenants import actions, keys, queries
from tenants.models import ApiKey, AuditEntry, Invitation, Membership, Tenant, Upstream

KEY = {"name": "ci", "scopes": ["messages"], "model_globs": "claude-haiku-*", "expires_in": "30"}
UPSTREAM = {
    "name": "main",
    "kind": "anthropic",
    "base_url": "https://api.anthropic.com",
    "new_credential": "sk-ant-secret-0123456789",
    "model_globs": "*",
    "model_aliases": "",
    "priority": "10",
    "is_enabled": "on",
    "connect_timeout_seconds": "5",
    "read_timeout_seconds": "600",
    "max_connections": "100",
}


@pytest.fixture
def signed_in(client: Client, alice: User) -> Client:
    client.force_login(alice)
    return client


@pytest.fixture(autouse=True)
def _no_name_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tenants.destinations.lookup", lambda _host: [])


def actions_done() -> list[str]:
    return list(AuditEntry.objects.order_by("revision").values_list("action", flat=True))


def secret_in(page: str) -> str:
    return page.split('<output id="issued-secret">')[1].split("<")[0]


def test_a_new_secret_is_shown_in_that_answer_and_never_again(signed_in: Client, acme: Tenant) -> None:
    answer = signed_in.post("/t/acme/keys/new/", KEY)
    secret = secret_in(answer.content.decode())
    assert answer.status_code == 200 and "no-store" in answer.headers["cache-control"]
    assert keys.is_well_formed(secret)
    assert answer.content.decode().count(secret) >= 5, "in the field, the copy button and each snippet"
    key = ApiKey.objects.get()
    assert (key.name, key.scopes, key.model_globs) == ("ci", ["messages"], ["claude-haiku-*"])
    assert key.expires_at is not None
    for path in ("", "keys/", f"keys/{key.pk}/", "members/", "settings/"):
        assert secret not in signed_in.get(f"/t/acme/{path}").content.decode()
    assert secret not in str(dict(signed_in.session)) and secret not in str(signed_in.cookies)
    assert secret not in str(list(AuditEntry.objects.values()))
    assert actions_done() == ["key.issue"]


def test_a_form_sent_twice_makes_one_key(signed_in: Client, acme: Tenant) -> None:
    signed_in.post("/t/acme/keys/new/", KEY)
    again = signed_in.post("/t/acme/keys/new/", KEY)
    assert again.status_code == 422 and "active key of this name already" in again.content.decode()
    assert ApiKey.objects.count() == 1


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("name", "", "This field is required"),
        ("ip_allow", "nonsense", "is not a network"),
        ("scopes", [], "required"),
        ("metadata", "x", "name = value"),
        ("expires_in", "9999", "Select a valid choice"),
    ],
)
def test_what_is_wrong_with_a_key_is_said_beside_the_field(
    signed_in: Client, acme: Tenant, field: str, value: Any, said: str
) -> None:
    answer = signed_in.post("/t/acme/keys/new/", {**KEY, field: value})
    page = answer.content.decode()
    assert answer.status_code == 422 and said in page and "Nothing was saved" in page
    assert 'aria-invalid="true"' in page
    assert actions_done() == []


def test_a_tenant_in_the_form_is_not_listened_to(signed_in: Client, acme: Tenant, globex: Tenant) -> None:
    signed_in.post("/t/acme/keys/new/", {**KEY, "tenant": str(globex.pk), "status": "revoked"})
    key = ApiKey.objects.get()
    assert (key.tenant, key.status) == (acme, "active")


def test_a_key_is_changed_rotated_and_revoked(signed_in: Client, acme: Tenant) -> None:
    first = secret_in(signed_in.post("/t/acme/keys/new/", KEY).content.decode())
    key = ApiKey.objects.get()
    path = f"/t/acme/keys/{key.pk}/"
    assert signed_in.post(path, {**KEY, "name": "build", "expires_at": ""}).status_code == 302
    question = signed_in.get(f"{path}rotate/").context["form"]
    answer = signed_in.post(f"{path}rotate/", {"replaces": question["replaces"].value(), "overlap_hours": 1})
    assert secret_in(answer.content.decode()) != first and "no-store" in answer.headers["cache-control"]
    stale = signed_in.post(f"{path}rotate/", {"replaces": question["replaces"].value(), "overlap_hours": 1})
    assert stale.status_code == 422 and "rotated meanwhile" in stale.content.decode()
    assert signed_in.post(f"{path}revoke/").status_code == 302
    key.refresh_from_db()
    assert (key.name, key.status, key.expires_at) == ("build", "revoked", None)
    assert actions_done() == ["key.issue", "key.change", "key.rotate", "key.revoke"]
    assert AuditEntry.objects.first().actor == "user:alice"


def test_a_question_fetched_by_htmx_is_a_piece_and_else_a_page(signed_in: Client, acme: Tenant) -> None:
    key = actions.issue_key(actor="x", tenant=acme, name="ci").key
    piece = signed_in.get(f"/t/acme/keys/{key.pk}/revoke/", headers={"hx-request": "true"}).content.decode()
    whole = signed_in.get(f"/t/acme/keys/{key.pk}/revoke/").content.decode()
    assert "Revoke ci" in piece and "<html" not in piece
    assert "Revoke ci" in whole and "<html" in whole


def test_members_and_viewers_change_nothing(client: Client, acme: Tenant, bob: User) -> None:
    key = actions.issue_key(actor="x", tenant=acme, name="ci").key
    upstream = actions.add_upstream(actor="x", tenant=acme, name="main", kind="simulator")
    before = actions_done()
    client.force_login(bob)
    for path in (
        "keys/new/",
        f"keys/{key.pk}/",
        f"keys/{key.pk}/rotate/",
        f"keys/{key.pk}/revoke/",
        "members/invite/",
        "members/bob/role/",
        "upstreams/new/",
        f"upstreams/{upstream.pk}/",
        f"upstreams/{upstream.pk}/test/",
        f"upstreams/{upstream.pk}/delete/",
        "settings/",
    ):
        assert client.post(f"/t/acme/{path}", {**KEY, "role": "owner"}).status_code == 403, path
    assert actions_done() == before


def test_a_credential_goes_in_and_never_comes_out(signed_in: Client, acme: Tenant) -> None:
    assert signed_in.post("/t/acme/upstreams/new/", UPSTREAM).status_code == 302
    row = Upstream.objects.get()
    assert queries.credential_of(row) == UPSTREAM["new_credential"]
    wrong = signed_in.post("/t/acme/upstreams/new/", {**UPSTREAM, "name": "other", "priority": "x"})
    pages = [wrong, signed_in.get("/t/acme/upstreams/"), signed_in.get(f"/t/acme/upstreams/{row.pk}/")]
    assert all(UPSTREAM["new_credential"] not in page.content.decode() for page in pages)
    kept = {**UPSTREAM, "new_credential": "", "priority": "3"}
    signed_in.post(f"/t/acme/upstreams/{row.pk}/", kept)
    assert queries.credential_of(Upstream.objects.get()) == UPSTREAM["new_credential"]
    signed_in.post(f"/t/acme/upstreams/{row.pk}/", {**kept, "base_url": "https://models.example.com"})
    assert queries.credential_of(Upstream.objects.get()) == ""
    assert actions_done() == ["upstream.add", "upstream.change", "upstream.change"]


def test_a_test_asks_the_saved_address_whatever_the_request_says(
    signed_in: Client, acme: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    signed_in.post("/t/acme/upstreams/new/", UPSTREAM)
    row = Upstream.objects.get()
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, content=iter([b"{}"]))

    ordinary = httpx.Client
    monkeypatch.setattr(doctor_upstreams.httpx, "Client", lambda **_: ordinary(transport=httpx.MockTransport(answer)))
    page = signed_in.post(f"/t/acme/upstreams/{row.pk}/test/", {"base_url": "https://evil.example"})
    assert "main answers" in page.content.decode()
    assert [request.url.host for request in asked] == ["api.anthropic.com"]
    assert signed_in.get("/t/acme/").context["checklist"].upstream_answers
    assert signed_in.get(f"/t/acme/upstreams/{row.pk}/test/").status_code == 405


def test_removing_an_upstream_says_what_stays(signed_in: Client, acme: Tenant) -> None:
    row = actions.add_upstream(actor="x", tenant=acme, name="main", kind="simulator")
    assert (
        "every request of this tenant will be refused"
        in signed_in.get(f"/t/acme/upstreams/{row.pk}/delete/").content.decode()
    )
    signed_in.post(f"/t/acme/upstreams/{row.pk}/delete/")
    assert actions_done()[-1] == "upstream.delete" and not Upstream.objects.exists()


def test_the_last_owner_stays(signed_in: Client, acme: Tenant, alice: User, bob: User) -> None:
    assert "last owner" in signed_in.post("/t/acme/members/alice/remove/").content.decode()
    assert "last owner" in signed_in.post("/t/acme/members/alice/role/", {"role": "viewer"}).content.decode()
    assert Membership.objects.get(user=alice).role == "owner"
    signed_in.post("/t/acme/members/bob/role/", {"role": "owner"})
    assert signed_in.post("/t/acme/members/alice/remove/").headers["location"] == "/start/"
    assert actions_done() == ["member.set_role", "member.remove"]


def test_an_admin_decides_not_over_owners(client: Client, acme: Tenant, alice: User, bob: User) -> None:
    Membership.objects.filter(user=bob).update(role="admin")
    client.force_login(bob)
    assert client.post("/t/acme/members/alice/remove/").status_code == 403
    assert client.post("/t/acme/members/bob/role/", {"role": "owner"}).status_code == 422
    assert client.post("/t/acme/members/invite/", {"note": "D", "role": "owner"}).status_code == 422
    assert Membership.objects.get(user=bob).role == "admin" and not Invitation.objects.exists()


def test_an_invitation_link_is_shown_once_and_withdrawn(signed_in: Client, acme: Tenant) -> None:
    answer = signed_in.post("/t/acme/members/invite/", {"note": "Dora", "role": "viewer"})
    link = answer.content.decode().split('<output id="invitation-link">')[1].split("<")[0]
    assert "no-store" in answer.headers["cache-control"]
    assert link.split("/")[-2] not in signed_in.get("/t/acme/members/").content.decode()
    assert link.split("/")[-2] not in str(list(AuditEntry.objects.values()) + list(Invitation.objects.values()))
    signed_in.post(f"/t/acme/members/invitations/{Invitation.objects.get().pk}/withdraw/")
    assert Client().get(link.removeprefix("http://testserver")).status_code == 410
    assert actions_done() == ["member.invite", "member.withdraw_invitation"]


def test_settings_are_changed_and_platform_staff_suspends(signed_in: Client, acme: Tenant) -> None:
    good = {"name": "Acme", "timezone": "Asia/Tokyo", "model_aliases": "fast = claude-haiku-4-5"}
    assert signed_in.post("/t/acme/settings/", {**good, "status": "suspended"}).status_code == 302
    assert signed_in.post("/t/acme/settings/", {**good, "timezone": "Mars"}).status_code == 422
    assert signed_in.post("/t/acme/settings/suspend/").status_code == 404
    acme.refresh_from_db()
    assert (acme.name, acme.timezone, acme.status) == ("Acme", "Asia/Tokyo", "active")
    signed_in.force_login(User.objects.create_superuser("root"))
    signed_in.post("/t/acme/settings/suspend/")
    acme.refresh_from_db()
    assert acme.status == "suspended"
    assert "is suspended" in signed_in.get("/t/acme/").content.decode()
    assert actions_done() == ["tenant.change", "tenant.change"]


def test_staff_creates_a_tenant(client: Client, acme: Tenant) -> None:
    client.force_login(User.objects.create_superuser("root"))
    data = {"name": "Initech", "slug": "initech", "timezone": "UTC"}
    assert client.post("/platform/tenants/new/", data).headers["location"] == "/t/initech/"
    assert client.post("/platform/tenants/new/", data).status_code == 422
    assert actions_done() == ["tenant.create"]


def test_keys_are_found_by_name_state_and_the_end_of_a_secret(signed_in: Client, acme: Tenant, globex: Tenant) -> None:
    issued = actions.issue_key(actor="x", tenant=acme, name="ci-pipeline")
    actions.issue_key(actor="x", tenant=globex, name="ci-of-globex")
    old = actions.issue_key(actor="x", tenant=acme, name="old").key
    actions.revoke_key(actor="x", key=old)

    def names(query: str) -> list[str]:
        return [row["key"].name for row in signed_in.get(f"/t/acme/keys/?{query}").context["rows"]]

    assert names("") == ["ci-pipeline"] and names("show=revoked") == ["old"] and names("show=expiring") == []
    assert names("q=PIPE") == names(f"q={issued.secret}") == ["ci-pipeline"] and names("q=globex") == []
    assert names("q=%25") == names("q=_") == [] and names("show=x&page=99") == ["ci-pipeline"]
