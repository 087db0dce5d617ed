import asyncio
import time

import httpx
import pytest

from proxy.simulator.transport import SimulatorTransport
from tests.proxy.simulator.asking import VERSION, body, post


def _client() -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=SimulatorTransport(), base_url="http://simulator", headers=VERSION)


async def _arrivals(text: str) -> list[tuple[float, bytes]]:
    started = time.monotonic()
    async with _client() as client, client.stream("POST", "/v1/messages", json=body(text, stream=True)) as response:
        return [(time.monotonic() - started, piece) async for piece in response.aiter_raw()]


async def test_tokens_come_at_the_asked_pace() -> None:
    arrivals = await _arrivals("#simulate tokens=5 first_ms=150 delay_ms=20")
    tokens = [at for at, piece in arrivals if b"text_delta" in piece]
    assert arrivals[0][0] < 0.1 and b"message_start" in arrivals[0][1]
    assert tokens[0] >= 0.15
    assert all(later - earlier >= 0.015 for earlier, later in zip(tokens, tokens[1:], strict=False))


async def test_a_whole_answer_takes_as_long_as_its_stream() -> None:
    started = time.monotonic()
    await post(body("#simulate tokens=5 first_ms=50 delay_ms=10"))
    assert 0.1 <= time.monotonic() - started < 1


async def test_an_asked_error_waits_for_the_first_token_too() -> None:
    started = time.monotonic()
    response = await post(body("#simulate error=529 first_ms=50"))
    assert response.status_code == 529 and time.monotonic() - started >= 0.05


async def test_an_event_comes_alone() -> None:
    assert all(piece.count(b"\n\n") == 1 for _, piece in await _arrivals("#simulate tokens=200"))


async def test_closing_a_stream_ends_it_though_another_task_waits_in_it() -> None:
    async with _client() as client:
        request = client.build_request("POST", "/v1/messages", json=body("#simulate first_ms=60000", stream=True))
        response = await client.send(request, stream=True)
        reading = asyncio.create_task(_read(response))
        await asyncio.sleep(0.02)
        await response.aclose()
        async with asyncio.timeout(1):
            assert b"message_stop" not in await reading


async def _read(response: httpx.Response) -> bytes:
    return b"".join([piece async for piece in response.aiter_raw()])


async def test_a_cancelled_reader_is_let_go_at_once() -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await _arrivals("#simulate first_ms=60000")


@pytest.mark.parametrize("cut", [0, 3, 1000])
async def test_a_cut_breaks_the_stream_after_as_many_tokens(cut: int) -> None:
    seen = b""
    with pytest.raises(httpx.ReadError):
        async with _client() as client:
            sent = body(f"#simulate cut={cut} tokens=9", stream=True)
            async with client.stream("POST", "/v1/messages", json=sent) as response:
                async for piece in response.aiter_raw():
                    seen += piece
    assert seen.count(b"text_delta") == min(cut, 9) and b"message_stop" not in seen


async def test_a_cut_breaks_a_whole_answer_in_its_middle() -> None:
    with pytest.raises(httpx.ReadError):
        await post(body("#simulate cut=3"))


async def test_a_long_stream_does_not_hold_up_other_tasks() -> None:
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            await asyncio.sleep(0)
            ticks += 1

    ticking = asyncio.create_task(tick())
    await _arrivals("#simulate tokens=1000")
    ticking.cancel()
    assert ticks >= 10
