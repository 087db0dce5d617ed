"""The link of the first start: it works once, for its person, for some days."""

from datetime import datetime, timedelta

import pytest
from django.contrib.auth.models import User
from django.contrib.auth.tokens import default_token_generator
from django.test import Client

from proxy.hosting import bootstrap

pytestmark = pytest.mark.django_db
PASSWORD = "a-long-walk-in-the-rain"


@pytest.fixture
def link() -> str:
    return bootstrap.prepare().welcome_path


def choose(client: Client, link: str, password: str = PASSWORD, again: str = PASSWORD) -> int:
    """Follow the link as a browser does and send the form; the status of the answer."""
    page = client.get(link)
    if page.status_code != 302:
        return page.status_code
    return client.post(page.headers["location"], {"new_password1": password, "new_password2": again}).status_code


def test_the_person_chooses_a_password_and_is_signed_in(client: Client, link: str) -> None:
    page = client.get(link, follow=True)
    assert "sign in as <strong>admin</strong>" in page.content.decode()
    assert link.split("/")[-2] not in page.redirect_chain[-1][0], "the token stays out of the address"
    assert choose(client, link) == 302
    assert client.get("/admin/").status_code == 200
    assert Client().login(username="admin", password=PASSWORD)


def test_the_link_is_dead_after_use(client: Client, link: str) -> None:
    choose(client, link)
    again = Client()
    assert choose(again, link, "another-long-password", "another-long-password") == 200
    assert "no longer works" in again.get(link).content.decode()
    assert not again.login(username="admin", password="another-long-password")


def test_the_link_is_dead_after_three_days(client: Client, link: str, monkeypatch: pytest.MonkeyPatch) -> None:
    later = datetime.now() + timedelta(days=3, minutes=1)
    monkeypatch.setattr(default_token_generator, "_now", lambda: later)
    assert "no longer works" in client.get(link).content.decode()


def test_a_forged_link_does_nothing(client: Client, link: str) -> None:
    uid = link.split("/")[2]
    assert choose(client, f"/welcome/{uid}/cx2x3x-0123456789abcdef0123456789abcdef/") == 200
    assert client.get("/admin/").status_code == 302


def test_the_link_of_one_person_does_not_open_another(client: Client, link: str) -> None:
    other = User.objects.create_user("charlie")
    token = link.split("/")[3]
    other_uid = bootstrap.welcome_path(other).split("/")[2]
    assert "no longer works" in client.get(f"/welcome/{other_uid}/{token}/").content.decode()


@pytest.mark.parametrize(
    ("password", "again", "said"),
    [
        ("short", "short", "at least 12 characters"),
        (PASSWORD, "something-else-entirely", "didn’t match"),
        ("1q2w3e4r5t6y", "1q2w3e4r5t6y", "too common"),
    ],
)
def test_a_bad_password_is_refused_beside_its_field(
    client: Client, link: str, password: str, again: str, said: str
) -> None:
    form = client.get(link).headers["location"]
    page = client.post(form, {"new_password1": password, "new_password2": again}).content.decode()
    assert said in page
    assert 'aria-invalid="true"' in page
    assert f'value="{password}"' not in page
    assert not User.objects.get(username="admin").has_usable_password()


def test_the_page_is_not_kept_by_browsers_and_sends_no_referer(client: Client, link: str) -> None:
    response = client.get(link, follow=True)
    assert "no-store" in response.headers["cache-control"]
    assert response.headers["referrer-policy"] == "same-origin"
