"""The operator's pages on keys. A secret is in one answer, and in nothing that stays."""

import json
import re
from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.contrib.sessions.models import Session
from django.urls import reverse
from django.utils import timezone

from tenants import actions, keys, queries
from tenants.models import ApiKey, AuditEntry, KeySecret

SECRET = re.compile(r"(?i:llmp_)[0-9A-Za-z]{36}")  # pages may write a capital first
LIST = "/admin/tenants/apikey/"


@pytest.fixture
def key(acme):
    return actions.issue_key(actor="test", tenant=acme, name="ci").key


def page(key: ApiKey, name: str) -> str:
    return f"{LIST}{key.pk}/{name}/"


def form(acme, **values):
    given = {
        "tenant": acme.pk,
        "name": "ci",
        "scopes": ["messages"],
        "model_globs": "*",
        "ip_allow": "",
        "metadata": "",
    }
    return {**given, "expires_at_0": "", "expires_at_1": "", **values}


def leaks(secret: str, client) -> list[str]:
    """Where the secret can be found after it was shown."""
    places = {
        "history": repr(list(LogEntry.objects.values_list())),
        "audit": repr(list(AuditEntry.objects.values_list())),
        "keys": repr([*ApiKey.objects.values_list(), *KeySecret.objects.values_list()]),
        "session": repr([session.get_decoded() for session in Session.objects.all()]),
        "cookies": client.cookies.output(),
    }
    for url in (LIST, "/admin/", *(page(key, name) for key in ApiKey.objects.all() for name in ("change", "history"))):
        places[url] = client.get(url).content.decode()
    return [place for place, text in places.items() if secret[5:] in text]


def test_an_issued_secret_is_shown_once_and_kept_nowhere(admin_client, acme):
    values = form(
        acme, model_globs="claude-haiku-*\r\n\r\nclaude-sonnet-*", ip_allow="10.0.0.0/8", metadata="team = platform"
    )
    answer = admin_client.post(f"{LIST}add/", values)
    assert answer.status_code == 200
    assert "no-store" in answer["Cache-Control"] and "Location" not in answer
    (secret,) = SECRET.findall(answer.content.decode())
    row = queries.secret_row(digest for _version, digest in keys.digests(secret))
    assert (row.key.name, row.key.tenant, row.key.scopes) == ("ci", acme, ["messages"])
    assert row.key.model_globs == ["claude-haiku-*", "claude-sonnet-*"]
    assert (row.key.ip_allow, row.key.metadata) == (["10.0.0.0/8"], {"team": "platform"})
    assert AuditEntry.objects.get().actor == "user:admin"
    assert leaks(secret, admin_client) == []


@pytest.mark.parametrize("button", ["_continue", "_addanother", "_popup"])
def test_no_button_of_the_form_sends_the_secret_elsewhere(admin_client, acme, button):
    answer = admin_client.post(f"{LIST}add/", form(acme, **{button: "1"}))
    assert answer.status_code == 200
    assert len(SECRET.findall(answer.content.decode())) == 1


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"name": "taken"}, "active key of this name"),
        ({"ip_allow": "10.0.0.1/8"}, "is not a network"),
        ({"model_globs": "claude 5"}, "holds a space"),
        ({"metadata": "team"}, "one name = value a line"),
        ({"metadata": "a = 1\r\na = 2"}, "given twice"),
        ({"scopes": ["admin"]}, "Select a valid choice"),
        ({"scopes": []}, "This field is required"),
    ],
)
def test_errors_stand_beside_the_fields(admin_client, acme, values, words):
    actions.issue_key(actor="test", tenant=acme, name="taken")
    answer = admin_client.post(f"{LIST}add/", form(acme, **values))
    field = next(iter(values))
    assert words in " ".join(answer.context["adminform"].form.errors[field])
    assert not SECRET.search(answer.content.decode())
    assert ApiKey.objects.count() == 1


def test_the_list_is_searched_and_filtered(admin_client, key, globex):
    actions.issue_key(actor="test", tenant=globex, name="other")
    shown = str(key.secrets.get())
    text = admin_client.get(LIST).content.decode()
    assert shown in text and "other" in text and "Issue a key" in text
    for query in (f"?q={key.secrets.get().last_four}", "?q=acme", f"?tenant__id__exact={key.tenant_id}"):
        rows = admin_client.get(LIST + query).context["cl"].result_list
        assert [row.name for row in rows] == ["ci"]
    assert admin_client.get(f"{LIST}?status__exact=revoked").context["cl"].result_count == 0


def test_passages_of_requests_may_be_of_collections_that_there_are(admin_client, acme, key):
    actions.add_collection(actor="test", tenant=acme, name="handbook")
    for name, becomes in (("handbook", {"collections": ["handbook"]}), ("ghost", {"collections": ["handbook"]})):
        given = json.dumps({"collections": [name]})
        answer = admin_client.post(page(key, "change"), form(acme, inject=given), follow=name == "ghost")
        assert ApiKey.objects.get(pk=key.pk).inject == becomes
    assert "there is no collection &#x27;ghost&#x27; to use" in answer.content.decode()


def test_a_change_goes_through_the_audit(admin_client, acme, key):
    answer = admin_client.post(page(key, "change"), form(acme, name="build", scopes=["messages", "models", "usage"]))
    assert answer.status_code == 302
    entry = AuditEntry.objects.first()
    assert (entry.actor, entry.action, entry.changes) == ("user:admin", "key.change", {"name": ["ci", "build"]})


def test_saving_an_unchanged_form_changes_nothing(admin_client, acme, key):
    actions.change_key(actor="t", key=key, model_globs=["a", "b"], metadata={"x": "1", "y": "2"})
    before = AuditEntry.objects.count()
    values = form(acme, scopes=["messages", "models", "usage"], model_globs="a\r\nb", metadata="x = 1\r\ny = 2")
    assert admin_client.post(page(key, "change"), values).status_code == 302
    assert AuditEntry.objects.count() == before
    assert "No fields changed" in LogEntry.objects.latest("pk").get_change_message()


def test_the_tenant_of_a_key_cannot_be_changed(admin_client, acme, globex, key):
    admin_client.post(page(key, "change"), form(globex, name="ci"))
    assert ApiKey.objects.get().tenant == acme


def test_rotation_asks_for_the_overlap_and_shows_the_new_secret_once(admin_client, key):
    asked = admin_client.get(page(key, "rotate"))
    assert 'value="24"' in asked.content.decode()
    old = key.secrets.get()
    answer = admin_client.post(page(key, "rotate"), {"overlap_hours": 2, "replaces": old.pk})
    assert "no-store" in answer["Cache-Control"]
    (secret,) = SECRET.findall(answer.content.decode())
    old.refresh_from_db()
    assert abs(old.expires_at - timezone.now() - timedelta(hours=2)) < timedelta(minutes=1)
    assert AuditEntry.objects.first().action == "key.rotate"
    assert leaks(secret, admin_client) == []


def test_a_rotation_sent_twice_rotates_once(admin_client, key):
    sent = {"overlap_hours": 0, "replaces": key.secrets.get().pk}
    admin_client.post(page(key, "rotate"), sent)
    answer = admin_client.post(page(key, "rotate"), sent)
    assert "rotated meanwhile" in answer.content.decode()
    assert key.secrets.count() == 2


@pytest.mark.parametrize("hours", ["-1", "721", "", "x"])
def test_a_bad_overlap_is_refused_beside_the_field(admin_client, key, hours):
    answer = admin_client.post(page(key, "rotate"), {"overlap_hours": hours, "replaces": key.secrets.get().pk})
    assert answer.context["form"].errors["overlap_hours"]
    assert key.secrets.count() == 1


def test_revoking_asks_once_more(admin_client, key):
    assert "cannot be undone" in admin_client.get(page(key, "revoke")).content.decode()
    assert ApiKey.objects.get().status == "active"
    assert admin_client.post(page(key, "revoke")).status_code == 302
    assert ApiKey.objects.get().status == "revoked"
    assert AuditEntry.objects.first().action == "key.revoke"


def test_a_revoked_key_can_be_read_but_not_touched(admin_client, acme, key):
    actions.revoke_key(actor="t", key=key)
    text = admin_client.get(page(key, "change")).content.decode()
    assert "Revoked" in text and "Rotate" not in text
    assert admin_client.post(page(key, "change"), form(acme, name="x")).status_code == 403
    for name in ("rotate", "revoke"):
        assert admin_client.get(page(key, name)).status_code == 404


def test_keys_are_never_deleted_by_hand(admin_client, key):
    assert admin_client.post(page(key, "delete"), {"post": "yes"}).status_code == 403
    answer = admin_client.post(LIST, {"action": "delete_selected", "_selected_action": [str(key.pk)], "post": "yes"})
    assert answer.status_code in (200, 302) and ApiKey.objects.exists()


@pytest.mark.parametrize("name", ["change", "rotate", "revoke", "history"])
def test_staff_without_permission_and_strangers_get_nothing(client, key, name):
    assert client.get(page(key, name)).status_code == 302
    client.force_login(User.objects.create_user("clerk", is_staff=True))
    for send in (client.get, client.post):
        assert send(page(key, name)).status_code == 403
    assert ApiKey.objects.get().status == "active" and key.secrets.count() == 1


def test_staff_who_may_only_look_cannot_rotate(client, key):
    clerk = User.objects.create_user("clerk", is_staff=True)
    clerk.user_permissions.add(Permission.objects.get(codename="view_apikey"))
    client.force_login(clerk)
    text = client.get(page(key, "change")).content.decode()
    assert "ci" in text and reverse("admin:tenants_apikey_rotate", args=[key.pk]) not in text
    assert client.post(page(key, "rotate"), {"overlap_hours": 0}).status_code == 403
