"""Of those who ask the same at once one asks the upstream; nobody waits for ever."""

import asyncio

from proxy.answers.flights import Flights

PATIENCE = 10.0


async def test_one_asks_while_the_others_wait_for_it() -> None:
    flights, asked, served = Flights(), [], []

    async def call(name: int) -> None:
        async with flights.join(b"question") as flight:
            while await flight.wait(PATIENCE):
                if asked:
                    served.append(name)
                    return
            asked.append(name)
            await asyncio.sleep(0.01)

    await asyncio.gather(*(call(name) for name in range(20)))
    assert len(asked) == 1
    assert len(served) == 19


async def test_another_question_does_not_wait() -> None:
    flights = Flights()
    async with flights.join(b"one") as one, flights.join(b"two") as two:
        assert not await one.wait(PATIENCE)
        assert not await two.wait(PATIENCE)


async def test_when_the_one_who_asked_fails_the_next_one_asks() -> None:
    flights, asked = Flights(), []

    async def call(name: int) -> None:
        async with flights.join(b"question") as flight:
            while await flight.wait(PATIENCE):
                pass
            asked.append(name)
            await asyncio.sleep(0)
            raise RuntimeError

    await asyncio.gather(*(call(name) for name in range(3)), return_exceptions=True)
    assert asked == [0, 1, 2]


async def test_who_has_waited_long_enough_asks_himself() -> None:
    flights = Flights()
    async with flights.join(b"question") as slow:
        assert not await slow.wait(PATIENCE)
        async with flights.join(b"question") as hurried:
            assert not await hurried.wait(0.01)
    async with flights.join(b"question") as later:
        assert not await later.wait(PATIENCE)
