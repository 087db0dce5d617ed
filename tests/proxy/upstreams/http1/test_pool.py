"""Which connections wait for the next request, and for how long."""

import asyncio

from proxy.upstreams.http1.dialling import Origin
from proxy.upstreams.http1.pool import IdlePool
from tests.proxy.upstreams.http1.test_connection import PLAIN, Connection, Wire, asked, connected, rest

HERE, THERE = Origin(False, "here.test", 80), Origin(False, "there.test", 80)


async def used() -> tuple[Connection, Wire]:
    connection, wire = connected()
    asking = await asked(connection)
    connection.data_received(PLAIN)
    await asking
    await rest(connection)
    return connection, wire


async def test_a_connection_serves_its_own_origin_again_and_no_other() -> None:
    pool = IdlePool()
    connection, _wire = await used()
    pool.give(HERE, connection)
    assert pool.take(THERE) is None
    assert pool.take(Origin(True, HERE.host, HERE.port)) is None
    assert pool.take(HERE) is connection
    assert pool.take(HERE) is None
    pool.close()


async def test_one_that_the_other_side_closed_meanwhile_is_passed_over() -> None:
    pool = IdlePool()
    (old, _), (closed, _wire) = await used(), await used()
    pool.give(HERE, old)
    pool.give(HERE, closed)
    closed.connection_lost(None)
    assert pool.take(HERE) is old
    pool.close()


async def test_one_whose_answer_was_not_read_is_closed() -> None:
    pool = IdlePool()
    connection, wire = connected()
    asking = await asked(connection)
    connection.data_received(PLAIN[:-1])
    await asking
    pool.give(HERE, connection)
    assert wire.is_aborted
    assert pool.take(HERE) is None


async def test_those_that_nobody_needs_are_closed_by_themselves() -> None:
    pool = IdlePool(kept_seconds=0.01)
    connection, wire = await used()
    pool.give(HERE, connection)
    async with asyncio.timeout(10):
        await wire.aborted.wait()
    assert pool.take(HERE) is None


async def test_closing_the_pool_closes_those_that_come_back_later_too() -> None:
    pool = IdlePool()
    (waiting, waiting_wire), (busy, busy_wire) = await used(), await used()
    pool.give(HERE, waiting)
    pool.close()
    pool.give(HERE, busy)
    assert waiting_wire.is_aborted
    assert busy_wire.is_aborted
