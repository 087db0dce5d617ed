"""Snapshots are served from memory, and no old state outlives a change."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

import pytest

from proxy import directory as directory_module
from proxy.call import Caller
from proxy.directory import Directory, SourceDown
from proxy.errors import Unavailable
from proxy.ledger.prices import PriceBook
from tests.proxy import build


class FakeSource:
    """A database in memory; `before_answer` runs while a read is under way."""

    def __init__(self) -> None:
        self.callers: dict[str, Caller] = {}
        self.log: list[tuple[int, UUID | None]] = []
        self.reads = 0
        self.price_reads = 0
        self.is_down = False
        self.before_answer: Callable[[], None] = lambda: None

    def caller(self, digests: Sequence[str]) -> Caller | None:
        self._check()
        self.reads += 1
        found = next((self.callers[digest] for digest in digests if digest in self.callers), None)
        self.before_answer()
        return found

    def prices(self) -> PriceBook:
        self._check()
        self.price_reads += 1
        return PriceBook([])

    def revision(self) -> int:
        self._check()
        return self.log[-1][0] if self.log else 0

    def changes(self, since: int) -> list[tuple[int, UUID | None]]:
        self._check()
        return [entry for entry in self.log if entry[0] > since]

    def change(self, tenant: UUID | None) -> None:
        self.log.append((len(self.log) + 1, tenant))

    def _check(self) -> None:
        if self.is_down:
            raise SourceDown("down")


async def in_place(function: Callable[..., Any], *args: Any) -> Any:
    await asyncio.sleep(0)
    return function(*args)


@pytest.fixture
async def source() -> FakeSource:
    return FakeSource()


@pytest.fixture
async def directory(source: FakeSource, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(directory_module, "POLL_SECONDS", 3600)  # tests ask for changes themselves
    made = Directory(source, in_place)
    await made.start()
    yield made
    await made.stop()


async def test_a_known_key_is_read_once(directory: Directory, source: FakeSource) -> None:
    source.callers["d1"] = build.caller()
    assert await directory.find(["d1"]) is await directory.find(["d1"])
    assert source.reads == 1


async def test_many_requests_with_a_new_key_cause_one_read(directory: Directory, source: FakeSource) -> None:
    source.callers["d1"] = build.caller()
    found = await asyncio.gather(*(directory.find(["d1"]) for _ in range(50)))
    assert {id(caller) for caller in found} == {id(source.callers["d1"])}
    assert source.reads == 1


async def test_an_unknown_key_is_looked_up_once_until_something_changes(
    directory: Directory, source: FakeSource
) -> None:
    assert await directory.find(["d1"]) is None
    assert await directory.find(["d1"]) is None
    assert source.reads == 1
    source.callers["d1"] = build.caller()
    source.change(source.callers["d1"].tenant.id)
    await directory.refresh()
    assert await directory.find(["d1"]) is source.callers["d1"]


async def test_a_change_drops_the_tenants_snapshots_and_no_others(directory: Directory, source: FakeSource) -> None:
    source.callers = {"a": build.caller(slug="acme"), "b": build.caller(slug="globex")}
    old_a, old_b = await directory.find(["a"]), await directory.find(["b"])
    assert old_a is not None
    source.callers = {"a": build.caller(is_revoked=True, tenant_id=old_a.tenant.id), "b": build.caller()}
    source.change(old_a.tenant.id)
    await directory.refresh()
    new_a = await directory.find(["a"])
    assert new_a is not None and new_a.is_revoked
    assert await directory.find(["b"]) is old_b


async def test_a_snapshot_read_while_a_change_came_in_is_read_again(directory: Directory, source: FakeSource) -> None:
    tenant = build.caller().tenant
    source.callers["d1"] = build.caller(tenant_id=tenant.id)
    release = asyncio.Event()

    async def slow(function: Callable[..., Any], *args: Any) -> Any:
        result = function(*args)
        if function == source.caller and source.reads == 1:
            await release.wait()  # the first read is under way while the key is revoked
        return result

    directory._run = slow
    waiting = asyncio.create_task(directory.find(["d1"]))
    await asyncio.sleep(0.01)
    source.callers["d1"] = build.caller(is_revoked=True, tenant_id=tenant.id)
    source.change(tenant.id)
    await directory.refresh()
    release.set()
    found = await waiting
    assert found is not None and found.is_revoked
    kept = await directory.find(["d1"])
    assert kept is not None and kept.is_revoked


async def test_a_change_for_everybody_reads_the_prices_again(directory: Directory, source: FakeSource) -> None:
    source.callers["d1"] = build.caller()
    await directory.find(["d1"])
    source.change(None)
    await directory.refresh()
    await directory.find(["d1"])
    assert (source.reads, source.price_reads) == (2, 2)


async def test_known_keys_are_served_for_a_minute_without_the_database_and_then_refused(
    directory: Directory, source: FakeSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    source.callers["d1"] = build.caller()
    await directory.find(["d1"])
    source.is_down = True
    with pytest.raises(SourceDown):
        await directory.refresh()
    assert await directory.find(["d1"]) is source.callers["d1"]
    with pytest.raises(Unavailable):
        await directory.find(["never-seen"])
    monkeypatch.setattr(directory_module, "STALE_AFTER_SECONDS", 0)
    with pytest.raises(Unavailable):
        await directory.find(["d1"])


async def test_one_client_that_hangs_up_does_not_spoil_the_read_for_others(
    directory: Directory, source: FakeSource
) -> None:
    source.callers["d1"] = build.caller()
    first = asyncio.create_task(directory.find(["d1"]))
    second = asyncio.create_task(directory.find(["d1"]))
    await asyncio.sleep(0)
    first.cancel()
    assert await second is source.callers["d1"]


async def test_a_listener_is_told_of_changes_and_of_nothing_else(source: FakeSource) -> None:
    told: list[int] = []

    async def listen() -> None:
        told.append(1)

    directory = Directory(source, in_place, on_change=listen)
    await directory.refresh()
    assert told == []
    source.change(None)
    await directory.refresh()
    await directory.refresh()
    assert told == [1]
