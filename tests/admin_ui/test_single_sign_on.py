"""Signing in by an OpenID Connect provider: who is let in, what they join, and that nobody becomes somebody else."""

import urllib.request
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from allauth.socialaccount.models import SocialAccount
from django.conf import settings as django_settings
from django.contrib.auth.models import User
from django.test import Client

from proxy import openid
from tenants.models import AuditEntry, Membership, Tenant
from tests import openid_provider
from tests.openid_provider import CLIENT_ID, CLIENT_SECRET, Provider

pytestmark = pytest.mark.django_db


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_args: Any) -> None:
        return None


@pytest.fixture
def provider() -> Iterator[Provider]:
    with openid_provider.providing() as provider:
        yield provider


@pytest.fixture
def configure(provider: Provider, settings: Any) -> Callable[[str], None]:
    """Single sign-on by the provider, with these rules of who joins."""

    def set_up(join: str) -> None:
        config = {"oidc_issuer": provider.issuer, "oidc_client_id": CLIENT_ID, "oidc_join": join}
        settings.CONFIG = django_settings.CONFIG.model_copy(update=config)
        apps = openid.apps(
            issuer=provider.issuer, client_id=CLIENT_ID, client_secret=CLIENT_SECRET, label="Sign in with Example"
        )
        settings.SOCIALACCOUNT_PROVIDERS = {"openid_connect": {"APPS": apps}}

    set_up("")
    return set_up


def begin(client: Client, provider: Provider, query: str = "process=login") -> str:
    """Where the provider leads back to."""
    answer = client.get(f"/accounts/oidc/{openid.provider_id(provider.issuer)}/login/?{query}")
    assert answer.status_code == 302, answer.content.decode()
    try:
        urllib.request.build_opener(_NoRedirect).open(answer.headers["location"])
    except urllib.error.HTTPError as redirect:
        with redirect:
            return str(redirect.headers["location"])
    raise AssertionError("the provider did not lead back")


def come_in(client: Client, provider: Provider, query: str = "process=login") -> Any:
    back = urlsplit(begin(client, provider, query))
    return client.get(f"{back.path}?{back.query}")


def roles() -> set[tuple[str, str, str]]:
    return set(Membership.objects.values_list("user__username", "tenant__slug", "role"))


def test_a_verified_address_joins_the_tenant_of_its_domain_once(
    client: Client, acme: Tenant, provider: Provider, configure: Callable[[str], None]
) -> None:
    configure("@example.com=acme:member,groups:other=acme:owner")
    answer = come_in(client, provider)
    assert (answer.status_code, answer.headers["location"]) == (302, "/start/")
    assert client.get("/t/acme/").status_code == 200
    assert {(tenant, role) for _name, tenant, role in roles()} == {("acme", "member")}
    user = User.objects.get()
    assert user.email == "alice@example.com" and not user.has_usable_password()
    told = set(AuditEntry.objects.filter(actor="single sign-on").values_list("action", flat=True))
    assert told == {"person.add", "member.set_role"}
    Membership.objects.all().delete()  # an admin has removed the person
    again = Client()
    come_in(again, provider)
    assert User.objects.count() == 1 and roles() == set()


def test_a_claim_joins_with_the_first_rule_that_fits(
    client: Client, acme: Tenant, globex: Tenant, provider: Provider, configure: Callable[[str], None]
) -> None:
    configure(
        "groups:llm-admins=acme:admin,@example.com=acme:viewer,@example.com=globex:viewer,@example.com=gone:owner"
    )
    come_in(client, provider)
    assert {(tenant, role) for _name, tenant, role in roles()} == {("acme", "admin"), ("globex", "viewer")}


@pytest.mark.parametrize(
    "claims",
    [
        {"email": "alice@elsewhere.org"},
        {"email_verified": False},
        {"email_verified": "true"},
        {"email": "alice@example.com.evil.org"},
        {"email": "example.com"},
        {"email": None},
    ],
)
def test_whom_no_rule_means_gets_no_account_and_is_told_so(
    client: Client, acme: Tenant, provider: Provider, configure: Callable[[str], None], claims: dict[str, Any]
) -> None:
    configure("@example.com=acme:member")
    provider.claims |= claims
    answer = come_in(client, provider)
    assert answer.status_code == 403 and "You have no account here" in answer.content.decode()
    assert not User.objects.exists() and "_auth_user_id" not in client.session


def test_the_role_none_lets_in_without_joining(
    client: Client, acme: Tenant, provider: Provider, configure: Callable[[str], None]
) -> None:
    configure("@example.com=:none")
    come_in(client, provider)
    assert roles() == set()
    assert "belong to no tenant" in client.get("/start/").content.decode()


def test_an_account_with_the_same_name_and_address_is_not_taken_over(
    client: Client, acme: Tenant, provider: Provider, configure: Callable[[str], None], settings: Any
) -> None:
    configure("@example.com=acme:viewer")
    there = User.objects.create_user("alice@example.com", "alice@example.com", "a-long-walk-in-the-rain")
    come_in(client, provider)
    assert int(client.session["_auth_user_id"]) != there.pk
    assert SocialAccount.objects.get().user != there


def test_its_owner_connects_an_account_and_signs_in_by_it_from_then_on(
    client: Client, acme: Tenant, alice: User, provider: Provider, configure: Callable[[str], None], settings: Any
) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    alice.set_password("a-long-walk-in-the-rain")
    alice.save()
    client.post("/accounts/sign-in/", {"login": "alice", "password": "a-long-walk-in-the-rain"})
    asked = come_in(client, provider, "process=connect")
    assert asked.headers["location"] == "/accounts/confirm/" and not SocialAccount.objects.exists()
    client.post("/accounts/confirm/", {"password": "a-long-walk-in-the-rain"})
    assert SocialAccount.objects.get().user == alice
    other = Client()
    come_in(other, provider)
    assert int(other.session["_auth_user_id"]) == alice.pk


@pytest.mark.parametrize("fault", ["audience", "issuer", "other person", "state", "code"])
def test_what_was_not_said_to_this_server_or_session_lets_nobody_in(
    client: Client, acme: Tenant, provider: Provider, configure: Callable[[str], None], fault: str
) -> None:
    configure("@example.com=acme:member")
    if fault == "audience":
        provider.audience = "another-client"
    elif fault == "issuer":
        provider.claims |= {"iss": "https://another.example"}
    elif fault == "other person":
        provider.userinfo = {**provider.claims, "sub": "u-2"}
    back = urlsplit(begin(client, provider))
    asked = {name: values[0] for name, values in parse_qs(back.query).items()}
    if fault in asked:
        asked[fault] = "forged"
    answer = client.get(back.path, asked)
    assert answer.status_code in (200, 400, 401, 403)
    assert not User.objects.exists() and "_auth_user_id" not in client.session


def test_another_session_cannot_use_what_comes_back(
    client: Client, acme: Tenant, provider: Provider, configure: Callable[[str], None]
) -> None:
    configure("@example.com=acme:member")
    back = urlsplit(begin(client, provider))
    victim = Client()
    victim.get(f"{back.path}?{back.query}")
    assert "_auth_user_id" not in victim.session and not User.objects.exists()


def test_the_button_is_there_only_where_it_works(
    client: Client, provider: Provider, configure: Callable[[str], None], settings: Any
) -> None:
    assert "Sign in with Example" in client.get("/accounts/sign-in/").content.decode()
    settings.SOCIALACCOUNT_PROVIDERS = {"openid_connect": {"APPS": []}}
    assert "Sign in with Example" not in client.get("/accounts/sign-in/").content.decode()
    assert client.get(f"/accounts/oidc/{openid.provider_id(provider.issuer)}/login/").status_code == 404


@pytest.mark.parametrize(
    "text",
    ["example.com=acme:member", "@example.com=acme", "@example.com=acme:boss", "@example.com=:member",
     "@example.com=acme:none", "groups=acme:member", "@example.com=Acme Corp:member"],
)  # fmt: skip
def test_a_rule_that_says_nothing_clear_stops_the_start(text: str) -> None:
    with pytest.raises(ValueError, match="must be entries such as"):
        openid.check_rules(text)


@pytest.mark.parametrize("url", ["http://login.example.com", "login.example.com", "https://", "file:///etc"])
def test_an_issuer_without_tls_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="issuer's address"):
        openid.check_issuer(url)
    assert openid.check_issuer("http://127.0.0.1:8080/realms/x/") == "http://127.0.0.1:8080/realms/x"


def test_people_of_another_issuer_are_others() -> None:
    assert openid.provider_id("https://a.example") != openid.provider_id("https://b.example")
