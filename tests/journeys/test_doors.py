"""Both doors of /v1 say the same: the one beside Django, and the view inside it."""

from collections.abc import Iterator

import pytest

from tests.journeys.asking import HELLO, ask
from tests.journeys.server import Server, serving

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def django_door(server: Server) -> Iterator[Server]:
    """The same data behind the other door."""
    with serving(server.data_dir, migrate=False, LLMP_FAST_PATH="false") as running:
        yield running


@pytest.fixture(scope="module")
def key(server: Server) -> str:
    return server.tenant("doors")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/messages", 404),
        ("HEAD", "/v1/messages", 404),
        ("PUT", "/v1/messages/count_tokens", 404),
        ("HEAD", "/v1/models", 200),
        ("HEAD", "/v1/models/claude-opus-5-5", 200),
        ("DELETE", "/v1/models/claude-opus-5-5", 404),
        ("POST", "/v1/models", 404),
        ("GET", "/v1/files/file_1/content", 404),
        ("POST", "/v1/messages/batches", 404),
        ("DELETE", "/v1/anything", 404),
        ("OPTIONS", "/v1/", 404),
    ],
)
def test_an_odd_request_gets_the_same_answer_at_both(
    server: Server, django_door: Server, key: str, method: str, path: str, status: int
) -> None:
    one, other = (ask(door.url, key, HELLO, path=path, method=method) for door in (server, django_door))
    assert (one.status, other.status) == (status, status)
    assert one.headers["content-type"] == other.headers["content-type"] == "application/json"
    if method != "HEAD":
        first, second = one.json(), other.json()
        assert first.pop("request_id") != second.pop("request_id")
        assert first == second
