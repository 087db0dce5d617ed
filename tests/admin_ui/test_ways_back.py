"""Forgotten passwords, and second factors that a tenant wants: the way back in is never a way around."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.contrib.auth.models import User
from django.core import mail
from django.core.cache import cache
from django.test import Client

from tenants import actions
from tenants.models import AuditEntry, Tenant

FORGOTTEN = "/accounts/forgotten/"
NEW = "another-walk-in-the-rain"
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _quick(settings: Any) -> Iterator[None]:
    cache.clear()
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    yield
    cache.clear()


@pytest.fixture
def with_mail(settings: Any) -> None:
    settings.EMAIL_HOST = "mail.example"


def with_password(user: User) -> User:
    user.set_password("a-long-walk-in-the-rain")
    user.save()
    return user


def choose(client: Client, link: str) -> Any:
    form = client.get(re.sub("^http://[^/]+", "", link)).headers["location"]
    return client.post(form, {"new_password1": NEW, "new_password2": NEW})


def test_without_a_mail_server_the_page_says_whom_to_ask(client: Client, alice: User) -> None:
    assert "Ask an owner or admin" in client.get(FORGOTTEN).content.decode()
    client.post(FORGOTTEN, {"email": alice.email})
    assert mail.outbox == []


def test_a_link_comes_by_mail_and_works_once(client: Client, alice: User, with_mail: None) -> None:
    with_password(alice)
    assert "Look into your mail" in client.post(FORGOTTEN, {"email": alice.email.upper()}).content.decode()
    (sent,) = mail.outbox
    assert sent.to == [alice.email]
    link = re.search(r"http\S+/welcome/\S+", sent.body)
    assert link is not None and choose(client, link[0]).status_code == 302
    alice.refresh_from_db()
    assert alice.check_password(NEW)
    assert "welcome" not in Client().get(re.sub("^http://[^/]+", "", link[0])).headers.get("location", "")


def test_the_page_does_not_tell_which_accounts_there_are(client: Client, alice: User, with_mail: None) -> None:
    with_password(alice)
    answers = [client.post(FORGOTTEN, {"email": address}).content for address in (alice.email, "nobody@example.com")]
    without_token = [re.sub(rb'value="\w{64}"', b"", answer) for answer in answers]
    assert without_token[0] == without_token[1] and len(mail.outbox) == 1


def test_who_comes_by_single_sign_on_alone_gets_no_password_this_way(
    client: Client, alice: User, with_mail: None
) -> None:
    alice.set_unusable_password()
    alice.save()
    client.post(FORGOTTEN, {"email": alice.email})
    assert mail.outbox == []


def test_who_asks_without_end_is_told_when_to_come_back(client: Client, with_mail: None) -> None:
    answers = [client.post(FORGOTTEN, {"email": "a@example.com"}) for _ in range(11)]
    assert [answer.status_code for answer in answers] == [200] * 10 + [429]
    assert "Too many attempts" in answers[-1].content.decode()
    assert 0 < int(answers[-1].headers["retry-after"]) <= 3600


def make_link(client: Client, username: str) -> str:
    answer = client.post(f"/t/acme/members/{username}/sign-in-link/")
    found = re.search(r'id="sign-in-link">([^<]+)', answer.content.decode())
    return found[1] if found else ""


def test_a_manager_makes_a_link_for_a_member(client: Client, acme: Tenant, alice: User, bob: User) -> None:
    client.force_login(alice)
    other = Client()
    choose(other, make_link(client, "bob"))
    bob.refresh_from_db()
    assert bob.check_password(NEW)
    entry = AuditEntry.objects.get(action="member.sign_in_link")
    assert (entry.actor, entry.tenant_id, entry.object_label) == ("user:alice", acme.pk, "bob as member of acme")


def test_a_link_is_no_way_to_more_than_its_maker_may(
    client: Client, acme: Tenant, globex: Tenant, alice: User, bob: User
) -> None:
    admin, staff = User.objects.create_user("ada"), User.objects.create_superuser("root")
    for user in (admin, staff):
        actions.set_role(actor="x", tenant=acme, user=user, role="admin")
    client.force_login(admin)
    assert make_link(client, "alice") == ""  # an owner
    assert make_link(client, "root") == ""
    assert make_link(client, "bob") != ""
    actions.set_role(actor="x", tenant=globex, user=bob, role="viewer")
    assert make_link(client, "bob") == ""  # leads to another tenant too
    client.force_login(bob)
    assert client.post("/t/acme/members/ada/sign-in-link/").status_code == 403


def test_a_tenant_may_want_a_second_factor(client: Client, acme: Tenant, globex: Tenant, alice: User) -> None:
    actions.set_role(actor="x", tenant=globex, user=alice, role="viewer")
    client.force_login(alice)
    page = client.get("/t/acme/settings/").context["form"]
    values = {name: page.get_initial_for_field(field, name) or "" for name, field in page.fields.items()}
    values = {name: value for name, value in values.items() if isinstance(value, str | int)}
    answer = client.post("/t/acme/settings/", {**values, "require_mfa": "on"})
    assert answer.status_code == 302, answer.context["form"].errors
    acme.refresh_from_db()
    assert acme.require_mfa
    for path in ("/t/acme/", "/t/acme/keys/", "/t/acme/requests.csv"):
        assert client.get(path).headers["location"] == "/accounts/second-factor/", path
    assert client.post("/t/acme/playground/pass/", {"key": "x"}).status_code == 302
    assert "Acme Corp wants a second factor" in client.get("/accounts/second-factor/").content.decode()
    assert client.get("/t/globex/").status_code == 200
    TOTP.activate(alice, generate_totp_secret())
    client.force_login(alice)
    session = client.session
    session["second_factor_proven"] = alice.pk
    session.save()
    assert client.get("/t/acme/").status_code == 200


def test_an_outsider_does_not_learn_what_a_tenant_wants(client: Client, acme: Tenant, charlie: User) -> None:
    actions.change_tenant(actor="x", tenant=acme, require_mfa=True)
    client.force_login(charlie)
    assert client.get("/t/acme/").status_code == 404


def test_keys_are_not_made_without_end(client: Client, acme: Tenant, alice: User, bob: User) -> None:
    client.force_login(alice)
    answers = [client.post("/t/acme/keys/new/", {"name": "x" * 200}) for _ in range(31)]
    assert [answer.status_code for answer in answers] == [422] * 30 + [429]
    assert client.get("/t/acme/keys/new/").status_code == 200
    other = Client()
    actions.set_role(actor="x", tenant=acme, user=bob, role="admin")
    other.force_login(bob)
    assert other.post("/t/acme/keys/new/", {"name": "x" * 200}).status_code == 422
