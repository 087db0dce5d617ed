"""Anthropic's own SDKs are given kept answers to like questions, and notice nothing."""

import time
from collections.abc import Callable
from itertools import count
from typing import Any

import pytest

from tests.journeys.clients.driver import Driver
from tests.journeys.clients.wire import Wire
from tests.journeys.server import Server
from tests.journeys.test_clients_sdk import SDKS, question

ASKED = "How do I reset my password?"
AGAIN = ("What is the best way to reset my password?", "How can I reset my password?")
OTHER = "How do I reset your password?"
_numbers = count()

SECONDS = 30.0

pytestmark = [pytest.mark.clients, pytest.mark.xdist_group("clients-sdk")]


def until(is_so: Callable[[], bool]) -> None:
    """The model is opened when it is first wanted; who asks meanwhile does not wait for it."""
    ends_at = time.monotonic() + SECONDS
    while not is_so():
        assert time.monotonic() < ends_at
        time.sleep(0.2)


@pytest.fixture
def client(wire: Wire, server: Server) -> dict[str, Any]:
    cache = {"exact": {"enabled": True}, "semantic": {"enabled": True}}
    return {"base_url": wire.url, "api_key": server.tenant(f"alike-{next(_numbers)}", cache=cache)}


@pytest.mark.parametrize("name", SDKS)
def test_a_like_question_is_answered_streamed_and_whole(
    drivers: Callable[[str], Driver], name: str, client: dict[str, Any], wire: Wire
) -> None:
    sdk = drivers(name)

    def asked(verb: str, text: str) -> tuple[dict[str, Any], str]:
        said = sdk.do(verb, client, params=question(text), headers={})["message"]
        return said, wire.replies[-1].headers["x-llmp-cache"]

    until(lambda: [asked("create", text)[1] for text in ("Please hold this.", "Hold this.")][1] != "miss")
    first, state = asked("create", ASKED)
    assert state == "miss"
    streamed, of_stream = asked("stream", AGAIN[0])
    whole, of_whole = asked("create", AGAIN[1])
    other, of_other = asked("create", OTHER)
    assert [of_stream, of_whole, of_other] == ["semantic-hit", "semantic-hit", "miss"]
    for field in ("id", "content", "usage", "stop_reason", "model"):
        assert streamed[field] == whole[field] == first[field], field
    assert other["id"] != first["id"]
    score = float(wire.replies[-2].headers["x-llmp-cache-score"])
    assert 0.8 <= score < 1
