"""The page at the server's address."""

import pytest
from django.db import OperationalError, connection
from django.test import Client

from proxy import snippets

pytestmark = pytest.mark.django_db


def test_it_shows_snippets_with_this_servers_address_and_no_key(client: Client) -> None:
    page = client.get("/", HTTP_HOST="llm.example.com:8443").content.decode()
    assert "http://llm.example.com:8443/v1/messages" in page
    assert snippets.KEY_PLACEHOLDER in page
    assert "Running" in page


def test_it_says_so_when_the_database_does_not_answer(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise OperationalError("gone")

    monkeypatch.setattr(connection, "cursor", broken)
    page = client.get("/").content.decode()
    assert "The database does not answer" in page
    assert "Running" not in page


def test_a_hostile_host_is_shown_as_text(client: Client) -> None:
    response = client.get("/", HTTP_HOST='a"><script>')
    assert response.status_code == 400


def test_it_holds_no_inline_script_or_style_and_loads_only_our_own_files(client: Client) -> None:
    response = client.get("/")
    page = response.content.decode()
    assert "<script" not in page
    assert "<style" not in page
    assert " style=" not in page
    assert 'src="http' not in page
    assert 'href="http' not in page
    assert "default-src 'none'" in response.headers["content-security-policy"]
    assert "unsafe" not in response.headers["content-security-policy"]


def test_an_unknown_page_is_a_page_too(client: Client) -> None:
    response = client.get("/no-such-page")
    assert response.status_code == 404
    assert b"There is no such page" in response.content
    assert "content-security-policy" in response.headers


def test_a_failing_page_says_so_without_details(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(**_: str) -> None:
        raise RuntimeError("the secret of the house")

    client.raise_request_exception = False
    monkeypatch.setattr(snippets, "snippets", broken)
    response = client.get("/")
    assert response.status_code == 500
    assert b"The server could not answer" in response.content
    assert b"secret of the house" not in response.content


def test_it_changes_nothing(client: Client) -> None:
    assert client.post("/").status_code == 405
