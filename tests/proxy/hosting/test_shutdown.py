"""The stages in which a web process ends."""

import asyncio
import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest

from proxy.hosting.shutdown import Shutdown


class Told:
    """What the web server and the calls were told, in order."""

    def __init__(self) -> None:
        self.events: list[str] = []

    def server(self, number: int, _frame: Any) -> None:
        self.events.append(signal.Signals(number).name)

    def end_calls(self) -> None:
        self.events.append("ended")

    def shutdown(self, drain_seconds: float, grace_seconds: float) -> Shutdown:
        made = Shutdown(drain_seconds=drain_seconds, grace_seconds=grace_seconds, end_calls=self.end_calls)
        made.listen()
        return made


@pytest.fixture
def told() -> Iterator[Told]:
    made = Told()
    before = {number: signal.signal(number, made.server) for number in (signal.SIGTERM, signal.SIGINT)}
    yield made
    for number, handler in before.items():
        signal.signal(number, handler)


async def test_it_is_drained_before_the_server_is_told_and_calls_end_last(told: Told) -> None:
    shutdown = told.shutdown(0.2, 0.2)
    os.kill(os.getpid(), signal.SIGTERM)
    await asyncio.sleep(0.05)
    assert (shutdown.is_draining, told.events) == (True, [])
    await asyncio.sleep(0.6)
    assert told.events == ["SIGTERM", "ended"]


@pytest.mark.parametrize(
    ("signals", "expected"),
    [
        ([signal.SIGINT], ["SIGINT", "ended"]),
        ([signal.SIGTERM, signal.SIGTERM], ["SIGTERM", "ended"]),
        ([signal.SIGINT, signal.SIGINT], ["SIGINT", "SIGINT", "ended"]),  # the server's word for: at once
    ],
)
async def test_who_is_in_a_hurry_waits_for_no_balancer(
    told: Told, signals: list[signal.Signals], expected: list[str]
) -> None:
    shutdown = told.shutdown(60, 0.1)
    for number in signals:
        os.kill(os.getpid(), number)
        await asyncio.sleep(0.02)
    await asyncio.sleep(0.3)
    assert (shutdown.is_draining, told.events) == (True, expected)


async def test_signals_that_no_server_waits_for_are_left_alone() -> None:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    before = signal.getsignal(signal.SIGINT)
    Shutdown(drain_seconds=1, grace_seconds=1, end_calls=lambda: None).listen()
    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == (signal.SIG_DFL, before)
