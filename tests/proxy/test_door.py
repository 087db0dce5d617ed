"""The raw door: bounds on what is read, and a client that hangs up is noticed in every phase."""

import asyncio
import json
from collections.abc import AsyncGenerator, Callable
from dataclasses import replace
from typing import Any

import pytest

from proxy import client as client_module
from proxy import door as door_module
from proxy import gateway
from proxy.asgi import pages
from proxy.bodies import Bodies
from proxy.door import Door
from proxy.errors import NotAuthenticated
from proxy.runtime import Limits

LIMITS = Limits(max_body_bytes=1000, body_timeout_seconds=0.05, ping_seconds=15, send_timeout_seconds=60)


class _Runtime:
    limits = LIMITS


RUNTIME: Any = _Runtime()
DOOR = Door([], Bodies(0, 0))


class Visit:
    """One ASGI request: what the client sends, what it got, and when it hangs up."""

    def __init__(self, *pieces: bytes, headers: list[tuple[bytes, bytes]] | None = None, method: str = "POST") -> None:
        self._pieces = list(pieces) or [b""]
        self.scope = {
            "type": "http",
            "method": method,
            "path": "/v1/messages",
            "query_string": b"",
            "headers": [(b"host", b"gateway"), *(headers or [])],
            "client": ("203.0.113.9", 1),
        }
        self.gone = asyncio.Event()
        self.blocked = False
        self.sent: list[Any] = []
        self.taken = 0

    async def receive(self) -> dict[str, Any]:
        if self._pieces:
            piece = self._pieces.pop(0)
            self.taken += len(piece)
            return {"type": "http.request", "body": piece, "more_body": bool(self._pieces)}
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        self.sent.append(message)
        if self.blocked and message["type"] == "http.response.body":
            await asyncio.Event().wait()  # a reader that never reads

    async def run(self) -> None:
        await DOOR(self.scope, self.receive, self.send, RUNTIME)

    async def until(self, happened: Callable[[], bool]) -> None:
        """Wait for it, as long as a slow machine may take."""
        async with asyncio.timeout(10):
            while not happened():  # noqa: ASYNC110 - a list has no event for this
                await asyncio.sleep(0.005)

    @property
    def body(self) -> bytes:
        return b"".join(message["body"] for message in self.sent[1:])

    @property
    def status(self) -> int:
        return int(self.sent[0]["status"])


@pytest.fixture(autouse=True, params=["beside Django", "through Django"])
def door(request: pytest.FixtureRequest, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Door:
    """Both doors, one after the other."""
    settings.ALLOWED_HOSTS = ["*"]
    HOLDING.clear()
    django: Any = pages if request.param == "through Django" else None
    made = Door([], Bodies(3000, 2500), django)
    monkeypatch.setattr("tests.proxy.test_door.DOOR", made)
    return made


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Lets a test say how the gateway answers."""

    def use(answer: Any) -> None:
        async def safely(inbound: Any, body: Any, runtime: Any) -> gateway.Reply:
            try:
                return await answer(inbound, body)
            except gateway.Refused as refused:
                return gateway.refusal(refused, inbound)

        monkeypatch.setattr(door_module.gateway, "answer", safely)

    return use


async def echo(_inbound: Any, body: Any) -> gateway.Reply:
    return gateway.Reply(200, [], await body())


HOLDING: list[bytes] = []


async def hold(_inbound: Any, body: Any) -> gateway.Reply:
    HOLDING.append(await body("a key"))
    await asyncio.Event().wait()
    raise AssertionError


async def hold_each(_inbound: Any, body: Any) -> gateway.Reply:
    HOLDING.append(await body(object()))
    await asyncio.Event().wait()
    raise AssertionError


async def test_a_body_in_pieces_is_read_whole(answers: Any) -> None:
    answers(echo)
    visit = Visit(b"ab", b"", b"cd")
    await visit.run()
    assert visit.sent[1]["body"] == b"abcd"


@pytest.mark.parametrize("headers", [[], [(b"content-length", b"5000")]])
async def test_a_body_over_the_limit_is_refused_in_the_clients_format(answers: Any, headers: Any) -> None:
    answers(echo)
    visit = Visit(*[b"x" * 400] * 5, headers=headers)
    await visit.run()
    assert visit.status == 413
    assert json.loads(visit.sent[1]["body"])["error"]["type"] == "request_too_large"


async def test_a_body_that_stops_arriving_is_refused(answers: Any) -> None:
    answers(echo)
    visit = Visit()

    async def stalled() -> Any:
        if visit.taken:
            await asyncio.Event().wait()
        visit.taken = 1
        return {"type": "http.request", "body": b"ab", "more_body": True}

    visit.receive = stalled  # type: ignore[method-assign]
    await visit.run()
    assert visit.status == 408


async def test_a_body_that_trickles_in_for_ever_is_refused(answers: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    answers(echo)
    monkeypatch.setattr(_Runtime, "limits", replace(LIMITS, body_timeout_seconds=0.1))
    visit = Visit()

    async def trickle() -> dict[str, Any]:
        await asyncio.sleep(0.01)
        return {"type": "http.request", "body": b"x", "more_body": True}

    monkeypatch.setattr(visit, "receive", trickle)
    await asyncio.wait_for(visit.run(), 5)
    assert visit.status == 408


async def test_one_key_may_hold_so_much_and_no_more(answers: Any) -> None:
    """Two calls of 900 bytes go, a third would make it more than the 2500 that one key may hold."""
    answers(hold)
    first, second, third = (Visit(b"x" * 900) for _ in range(3))
    running = [asyncio.create_task(visit.run()) for visit in (first, second)]
    await third.until(lambda: len(HOLDING) == 2)
    await third.run()
    assert (third.status, b"rate_limit_error" in third.body) == (429, True)
    for visit in (first, second):
        visit.gone.set()
    await asyncio.gather(*running)
    answers(echo)
    again = Visit(b"x" * 900)
    await again.run()
    assert again.status == 200


async def test_all_keys_together_may_hold_so_much_and_no_more(answers: Any) -> None:
    answers(hold_each)
    visits = [Visit(b"x" * 900) for _ in range(3)]
    running = [asyncio.create_task(visit.run()) for visit in visits]
    await visits[0].until(lambda: len(HOLDING) == 3)
    declared = Visit(b"x", headers=[(b"content-length", b"900")])
    await declared.run()
    assert (declared.status, declared.taken) == (503, 1)  # refused by what it declares
    assert (b"retry-after", b"2") in [(name.lower(), value) for name, value in declared.sent[0]["headers"]]
    for visit in visits:
        visit.gone.set()
    await asyncio.gather(*running)


async def test_a_stranger_is_refused_without_his_body_being_kept(answers: Any) -> None:
    async def refuse(_inbound: Any, _body: Any) -> gateway.Reply:
        raise NotAuthenticated("invalid x-api-key")

    answers(refuse)
    visit = Visit(*[b"x" * 64 * 1024] * 100)
    await visit.run()
    assert visit.status == 401
    assert visit.taken <= client_module._DRAIN_BYTES + 64 * 1024


async def test_a_client_that_hangs_up_while_sending_gets_nothing(answers: Any) -> None:
    answers(echo)
    visit = Visit(b"ab")

    async def gone() -> Any:
        return {"type": "http.disconnect"}

    visit.receive = gone  # type: ignore[method-assign]
    await visit.run()
    assert visit.sent == []


async def test_a_client_that_hangs_up_while_the_upstream_is_silent_ends_the_call(answers: Any) -> None:
    ended, waiting = asyncio.Event(), asyncio.Event()

    async def wait(_inbound: Any, body: Any) -> gateway.Reply:
        await body()
        waiting.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        raise AssertionError

    answers(wait)
    visit = Visit()
    task = asyncio.create_task(visit.run())
    await waiting.wait()
    visit.gone.set()
    await asyncio.wait_for(task, 1)
    assert ended.is_set() and visit.sent == []


@pytest.mark.parametrize("is_blocked", [False, True])
async def test_a_client_that_hangs_up_in_a_stream_closes_it_also_when_send_is_blocked(
    answers: Any, is_blocked: bool
) -> None:
    ended = asyncio.Event()

    async def endless() -> AsyncGenerator[bytes, None]:
        try:
            while True:
                yield b"event"
                await asyncio.sleep(0.001)
        finally:
            ended.set()

    async def stream(_inbound: Any, body: Any) -> gateway.Reply:
        await body()
        return gateway.Reply(200, [], endless())

    answers(stream)
    visit = Visit()
    visit.blocked = is_blocked
    task = asyncio.create_task(visit.run())
    await visit.until(lambda: len(visit.sent) >= 2)
    assert not ended.is_set()
    visit.gone.set()
    await asyncio.wait_for(task, 10)
    assert ended.is_set()
    assert visit.sent[-1].get("more_body") is True  # nothing pretends that the stream ended


async def test_a_client_that_takes_nothing_for_too_long_is_given_up(
    answers: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = asyncio.Event()

    async def endless() -> AsyncGenerator[bytes, None]:
        try:
            while True:
                yield b"event"
        finally:
            ended.set()

    async def stream(_inbound: Any, body: Any) -> gateway.Reply:
        await body()
        return gateway.Reply(200, [], endless())

    answers(stream)
    monkeypatch.setattr(_Runtime, "limits", replace(LIMITS, send_timeout_seconds=0.02))
    visit = Visit()
    visit.blocked = True
    await asyncio.wait_for(visit.run(), 1)
    assert ended.is_set()


async def test_a_server_that_stops_says_so_to_who_waits_for_an_answer(answers: Any) -> None:
    waiting = asyncio.Event()

    async def wait(_inbound: Any, body: Any) -> gateway.Reply:
        await body()
        waiting.set()
        await asyncio.Event().wait()
        raise AssertionError

    answers(wait)
    visit = Visit()
    task = asyncio.create_task(visit.run())
    await waiting.wait()
    DOOR.end_calls()
    await task
    assert (visit.status, (b"retry-after", b"2") in visit.sent[0]["headers"]) == (529, True)
    assert b"overloaded_error" in visit.sent[1]["body"]


async def test_a_server_that_stops_ends_its_streams_with_an_error_event_once_they_are_settled(answers: Any) -> None:
    visit = Visit()
    sent_when_settled: list[Any] = []

    async def stream(_inbound: Any, body: Any) -> gateway.Reply:
        await body()

        async def endless() -> Any:
            try:
                yield b"data: {}\n\n"
                await asyncio.Event().wait()
            finally:
                sent_when_settled.extend(visit.sent)

        return gateway.Reply(200, [], endless())

    answers(stream)
    task = asyncio.create_task(visit.run())
    await visit.until(lambda: len(visit.sent) >= 2)
    DOOR.end_calls()
    await task
    assert len(sent_when_settled) == 2
    assert visit.sent[2]["body"].startswith(b"event: error\ndata: ")
    assert b"overloaded_error" in visit.sent[2]["body"]
    assert visit.sent[3] == {"type": "http.response.body", "body": b""}


async def test_a_server_that_stops_does_not_wait_for_a_reader_that_does_not_read(
    answers: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def stream(_inbound: Any, body: Any) -> gateway.Reply:
        await body()

        async def endless() -> Any:
            while True:
                yield b"data: {}\n\n"

        return gateway.Reply(200, [], endless())

    monkeypatch.setattr(door_module, "_GOODBYE_SECONDS", 0.01)
    answers(stream)
    visit = Visit()
    visit.blocked = True
    task = asyncio.create_task(visit.run())
    await visit.until(lambda: len(visit.sent) >= 2)
    DOOR.end_calls()
    await asyncio.wait_for(task, 10)


async def test_head_has_no_body(answers: Any) -> None:
    async def answer(_inbound: Any, _body: Any) -> gateway.Reply:
        return gateway.Reply(200, [], b"body")

    answers(answer)
    visit = Visit(method="HEAD")
    await visit.run()
    assert visit.sent[1]["body"] == b""


@pytest.mark.parametrize(("pieces", "is_closed"), [(1, False), (100, True)])
async def test_a_stranger_whose_body_does_not_end_is_disconnected(answers: Any, pieces: int, is_closed: bool) -> None:
    async def refuse(_inbound: Any, _body: Any) -> gateway.Reply:
        raise gateway.Refused("no", headers={"connection": "keep-alive"})

    answers(refuse)
    visit = Visit(*[b"x" * 65_536] * pieces)
    await visit.run()
    assert ((b"connection", b"close") in visit.sent[0]["headers"]) == is_closed
