"""Signing in: one door, slowed down without locking anybody out, with a second factor where it is wanted."""

from datetime import timedelta
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import (
    TOTP,
    format_hotp_value,
    generate_totp_secret,
    hotp_value,
    yield_hotp_counters_from_time,
)
from django.conf import settings
from django.contrib.auth.models import User
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from proxy.hosting import bootstrap
from tenants import actions
from tenants.models import AuditEntry, Membership, Tenant

PASSWORD = "a-long-walk-in-the-rain"
SIGN_IN = "/accounts/sign-in/"
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _fresh_counts_and_fast_hashes(settings: Any) -> None:
    cache.clear()
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def person(alice: User) -> User:
    alice.set_password(PASSWORD)
    alice.save()
    return alice


@pytest.fixture
def secret(person: User) -> str:
    """Alice has an authenticator app."""
    secret = generate_totp_secret()
    TOTP.activate(person, secret)
    RecoveryCodes.activate(person)
    return secret


def configure(monkeypatch: pytest.MonkeyPatch, **values: Any) -> None:
    monkeypatch.setattr(settings, "CONFIG", settings.CONFIG.model_copy(update=values))


def sign_in(client: Client, password: str = PASSWORD, name: str = "alice", **extra: str) -> Any:
    return client.post(SIGN_IN, {"login": name, "password": password}, **extra)


def code(secret: str) -> str:
    return format_hotp_value(hotp_value(secret, next(iter(yield_hotp_counters_from_time()))))


def test_a_person_signs_in_and_lands_on_the_own_pages(client: Client, person: User) -> None:
    client.get("/")
    before = client.session.session_key
    answer = sign_in(client)
    assert (answer.status_code, answer.headers["location"]) == (302, "/start/")
    assert client.session.session_key != before
    assert client.get("/t/acme/").status_code == 200


def test_the_admins_door_is_the_same_one(client: Client, person: User) -> None:
    answer = client.get("/admin/login/?next=/admin/")
    assert answer.headers["location"] == "/accounts/sign-in/?next=/admin/"
    assert client.post("/admin/login/", {"username": "alice", "password": PASSWORD}).status_code == 302
    assert "_auth_user_id" not in client.session


def test_nobody_signs_up(client: Client) -> None:
    data = {"username": "mallory", "password1": PASSWORD, "password2": PASSWORD}
    client.post("/accounts/sign-up/", data)
    assert not User.objects.filter(username="mallory").exists()


def test_a_wrong_password_and_an_unknown_name_read_the_same(client: Client, person: User) -> None:
    wrong, unknown = sign_in(client, "not-the-password"), sign_in(client, "not-the-password", "nobody")
    said = "The username and/or password you specified are not correct."
    assert said in wrong.content.decode() and said in unknown.content.decode()


def test_five_failures_stop_the_address_and_not_the_person(client: Client, person: User) -> None:
    for _ in range(5):
        sign_in(client, "not-the-password", REMOTE_ADDR="203.0.113.7")
    assert "Too many attempts" in sign_in(client, REMOTE_ADDR="203.0.113.7").content.decode()
    assert "_auth_user_id" not in client.session
    assert sign_in(client, REMOTE_ADDR="198.51.100.20").status_code == 302


def test_many_names_from_one_address_are_stopped(client: Client, person: User) -> None:
    for number in range(20):
        sign_in(client, name=f"guess{number}")
    assert "Too many attempts" in sign_in(client).content.decode()


def test_an_address_that_nobody_vouches_for_is_not_believed(client: Client, person: User) -> None:
    for number in range(5):
        sign_in(client, "not-the-password", HTTP_X_FORWARDED_FOR=f"198.51.100.{number}")
    assert "Too many attempts" in sign_in(client, HTTP_X_FORWARDED_FOR="198.51.100.99").content.decode()


def test_behind_a_trusted_proxy_the_forwarded_address_counts(
    client: Client, person: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(monkeypatch, trusted_proxies="127.0.0.0/8")
    for _ in range(5):
        sign_in(client, "not-the-password", HTTP_X_FORWARDED_FOR="198.51.100.1")
    assert sign_in(client, HTTP_X_FORWARDED_FOR="198.51.100.2").status_code == 302


def test_a_second_factor_is_asked_for(client: Client, person: User, secret: str) -> None:
    assert sign_in(client).headers["location"].startswith("/accounts/second-factor/authenticate/")
    assert client.get("/t/acme/").status_code == 302
    wrong = client.post("/accounts/second-factor/authenticate/", {"code": "000000"})
    assert "_auth_user_id" not in client.session and wrong.status_code == 200
    assert client.post("/accounts/second-factor/authenticate/", {"code": code(secret)}).status_code == 302
    assert client.get("/t/acme/").status_code == 200


def test_codes_cannot_be_guessed(client: Client, person: User, secret: str) -> None:
    sign_in(client)
    for _ in range(12):
        client.post("/accounts/second-factor/authenticate/", {"code": "000000"})
    client.post("/accounts/second-factor/authenticate/", {"code": code(secret)})
    assert "_auth_user_id" not in client.session


def test_a_recovery_code_works_once(client: Client, person: User, secret: str) -> None:
    recovery = Authenticator.objects.get(user=person, type="recovery_codes").wrap().get_unused_codes()[0]
    for expected in (True, False):
        fresh = Client()
        sign_in(fresh)
        fresh.post("/accounts/second-factor/authenticate/", {"code": recovery})
        assert ("_auth_user_id" in fresh.session) is expected


def test_secrets_of_second_factors_are_encrypted_at_rest(person: User, secret: str) -> None:
    kept = str(list(Authenticator.objects.values_list("data", flat=True)))
    assert secret not in kept
    assert Authenticator.objects.get(type="totp").wrap().validate_code(code(secret))


def test_a_session_that_never_showed_the_second_factor_opens_no_page(client: Client, person: User, secret: str) -> None:
    """Whatever door made it: here Django's own login."""
    person.is_staff = person.is_superuser = True
    person.save()
    for path in ("/t/acme/", "/admin/", "/platform/", "/accounts/password/"):
        client.force_login(person)
        answer = client.get(path)
        assert answer.status_code == 302 and answer.headers["location"].startswith(SIGN_IN), path
        assert "_auth_user_id" not in client.session


@pytest.mark.parametrize(
    ("required", "is_staff", "is_sent"),
    [("off", True, False), ("staff", False, False), ("staff", True, True), ("all", False, True)],
)
def test_who_must_have_a_second_factor_adds_one_first(
    client: Client, person: User, monkeypatch: pytest.MonkeyPatch, required: str, is_staff: bool, is_sent: bool
) -> None:
    configure(monkeypatch, require_mfa=required)
    User.objects.filter(pk=person.pk).update(is_staff=is_staff)
    sign_in(client)
    for path in ("/t/acme/", *(["/admin/"] if is_staff else [])):
        answer = client.get(path)
        assert (answer.headers.get("location") == "/accounts/second-factor/") is is_sent, path
    assert client.get("/accounts/second-factor/").status_code == 200


def test_the_welcome_link_is_no_way_around_the_second_factor(client: Client, person: User, secret: str) -> None:
    form = client.get(bootstrap.welcome_path(person)).headers["location"]
    client.post(form, {"new_password1": "another-long-password", "new_password2": "another-long-password"})
    assert client.get("/t/acme/").headers["location"].startswith(SIGN_IN)


@pytest.mark.parametrize(("mark", "hours"), [("seen_at", 1.1), ("began_at", 12.1)])
def test_a_session_ends(client: Client, person: User, mark: str, hours: float) -> None:
    sign_in(client)
    assert client.get("/t/acme/").status_code == 200
    session = client.session
    session[mark] -= hours * 3600
    session.save()
    assert client.get("/t/acme/keys/").headers["location"] == f"{SIGN_IN}?next=/t/acme/keys/"


def test_a_piece_fetched_after_the_end_leads_the_whole_page_to_the_door(client: Client, person: User) -> None:
    sign_in(client)
    client.get("/t/acme/")
    session = client.session
    session["seen_at"] -= 2 * 3600
    session.save()
    answer = client.get("/t/acme/checklist/", headers={"hx-request": "true"})
    assert answer.status_code == 200 and answer.headers["hx-redirect"].startswith(SIGN_IN)


def invited(tenant: Tenant, by: User, role: str = "member") -> str:
    done = actions.invite(actor="x", tenant=tenant, invited_by=by, role=role, note="Dora", at=timezone.now())
    return f"/invitation/{done.token}/"


def test_an_invited_person_makes_an_account_and_joins_once(client: Client, acme: Tenant, alice: User) -> None:
    link = invited(acme, alice)
    assert "Join Acme Corp" in client.get(link).content.decode()
    data = {"username": "dora", "password1": PASSWORD, "password2": PASSWORD}
    assert client.post(link, data).headers["location"] == "/t/acme/"
    assert client.get("/t/acme/").status_code == 200
    assert Membership.objects.get(user__username="dora").role == "member"
    assert {"member.accept_invitation", "member.set_role"} <= set(AuditEntry.objects.values_list("action", flat=True))
    again = Client().post(link, {**data, "username": "eve"})
    assert again.status_code == 410 and not User.objects.filter(username="eve").exists()


def test_who_has_an_account_joins_with_it_and_is_not_lowered(
    client: Client, acme: Tenant, globex: Tenant, alice: User, charlie: User
) -> None:
    client.force_login(charlie)
    assert client.post(invited(acme, alice)).headers["location"] == "/t/acme/"
    client.force_login(alice)
    client.post(invited(acme, alice, "viewer"))
    assert Membership.objects.get(user=alice, tenant=acme).role == "owner"


def test_an_old_or_unknown_link_is_over(client: Client, acme: Tenant, alice: User) -> None:
    link = invited(acme, alice)
    acme.invitations.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert client.get(link).status_code == client.get("/invitation/nothing/").status_code == 410


def test_the_link_of_a_removed_admin_is_dead(client: Client, acme: Tenant, alice: User) -> None:
    admin = User.objects.create_user("ada")
    actions.set_role(actor="x", tenant=acme, user=admin, role="admin")
    link = invited(acme, admin)
    actions.remove_member(actor="x", tenant=acme, user=admin)
    assert client.get(link).status_code == 410
