"""A file larger than a form, sent to a page over the wire: only who may write there gets it past the door."""

import contextlib
import http.client
import secrets
import socket
from urllib.parse import urlsplit

import pytest

from tests.browser.conftest import session
from tests.journeys.server import Server

pytestmark = pytest.mark.slow
LARGE = 4 * 1024 * 1024
_COLLECTION = "11111111-2222-3333-4444-555555555555"
UPLOAD = f"/t/senders/collections/{_COLLECTION}/upload/"
_PREPARE = f"""
from django.contrib.auth.models import User
from tenants.models import Collection, Membership, Tenant
tenant = Tenant.objects.get(slug="senders")
Collection.objects.get_or_create(pk="{_COLLECTION}", defaults=dict(tenant=tenant, name="handbook"))
for name, role in (("mona", "member"), ("vera", "viewer")):
    user, _ = User.objects.get_or_create(username=name)
    Membership.objects.get_or_create(user=user, tenant=tenant, defaults=dict(role=role))
"""


@pytest.fixture(scope="module")
def sessions(server: Server) -> dict[str, str]:
    """The cookies of a member, a viewer, and the owner of another tenant."""
    server.tenant("senders")
    server.tenant("others")
    server.manage("shell", "-v0", "-c", _PREPARE)
    return {
        "mona": session(server, "mona", "senders"),
        "vera": session(server, "vera", "senders"),
        "charlie": session(server, "charlie", "others"),
    }


def send(server: Server, cookie: str, size: int, *, path: str = "", origin: str = "", is_whole: bool = True) -> int:
    """The status of an upload of so many bytes, of which a part is sent where it is not whole."""
    where = urlsplit(server.url)
    token = secrets.token_hex(16)
    head = '--b\r\ncontent-disposition: form-data; name="file"; filename="big.txt"\r\ncontent-type: text/plain\r\n\r\n'
    body = head.encode() + b"a sentence of words. " * (size // 21) + b"\r\n--b--\r\n"
    headers = {
        "content-type": "multipart/form-data; boundary=b",
        "content-length": str(len(body)),
        "accept": "application/json",
        "origin": origin or server.url,
        "cookie": f"csrftoken={token}; sessionid={cookie}",
        "x-csrftoken": token,
    }
    connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=60)
    try:
        connection.request("POST", path or UPLOAD, body if is_whole else body[:1000], headers)
        return connection.getresponse().status
    finally:
        connection.close()


def refused(server: Server, cookie: str, **options: str) -> bool:
    """Whether a large file is refused before it has been sent."""
    return send(server, cookie, LARGE, is_whole=False, **options) == 413


def test_who_may_write_there_sends_a_large_file(server: Server, sessions: dict[str, str]) -> None:
    assert send(server, sessions["mona"], LARGE) == 200


@pytest.mark.parametrize("name", ["vera", "charlie", ""])
def test_nobody_else_gets_past_the_door(server: Server, sessions: dict[str, str], name: str) -> None:
    cookie = sessions.get(name, "forged")
    assert refused(server, cookie)
    assert send(server, cookie, 1000) in (302, 403, 404)


def test_neither_another_page_nor_another_sites_form_does(server: Server, sessions: dict[str, str]) -> None:
    mona = sessions["mona"]
    missing = _COLLECTION.replace("1", "9")
    for path in (
        "/t/senders/collections/new/",
        f"/t/senders/collections/{missing}/upload/",
        f"/t/others/collections/{_COLLECTION}/upload/",
        f"{UPLOAD}x",
    ):
        assert refused(server, mona, path=path), path
    assert refused(server, mona, origin="https://evil.test") and refused(server, mona, origin="null")


def test_a_body_whose_length_nobody_says_is_cut_off_for_a_stranger(server: Server) -> None:
    where = urlsplit(server.url)
    with socket.create_connection((where.hostname or "", where.port or 80), timeout=60) as line:
        line.sendall(f"POST {UPLOAD} HTTP/1.1\r\nhost: {where.netloc}\r\ntransfer-encoding: chunked\r\n\r\n".encode())
        with contextlib.suppress(ConnectionError):
            for _ in range(LARGE // 65536):
                line.sendall(b"10000\r\n" + b"x" * 65536 + b"\r\n")
            line.sendall(b"0\r\n\r\n")
            assert line.recv(100).split(b" ")[1:2] != [b"200"]


def test_even_who_may_is_held_to_the_size_of_a_document(server: Server, sessions: dict[str, str]) -> None:
    assert send(server, sessions["mona"], 52 * 1024 * 1024, is_whole=False) == 413
