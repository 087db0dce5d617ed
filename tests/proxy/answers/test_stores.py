"""What every store of answers promises, asked of each of them."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from proxy.answers.kept import Kept, Usage, new_id
from proxy.answers.stores import Filter, Store, StoreDown
from proxy.answers.stores.machine import MachineStore
from proxy.answers.stores.shared import SharedStore

NOW = 4_000_000_000.0  # far ahead: a Redis server drops by its own clock what is too old
PLENTY = 1_000_000


@pytest.fixture(params=["machine", "redis"])
async def opener(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Callable[[], Store]]:
    """Opens the store anew; all that are opened share what they keep."""
    opened: list[Store] = []

    def one() -> Store:
        is_redis = request.param == "redis"
        store: Store = SharedStore(url, patience_seconds=10) if is_redis else MachineStore(tmp_path / "answers.sqlite3")
        opened.append(store)
        return store

    url = request.getfixturevalue("redis_url") if request.param == "redis" else ""
    yield one
    for store in opened:
        await store.aclose()


@pytest.fixture
def store(opener: Callable[[], Store]) -> Store:
    return opener()


@pytest.fixture
def tenant_id() -> UUID:
    return uuid4()


def kept(tenant_id: UUID, name: str, *, size: int = 10, model: str = "m", tag: str = "", at: float = NOW) -> Kept:
    return Kept(
        id=new_id(),
        tenant_id=tenant_id,
        key=name.encode().ljust(32, b"\0"),
        model=model,
        tag=tag,
        created_at=at,
        expires_at=at + 100,
        cost_nano_usd=7,
        key_version=1,
        sealed=b"\xff" * size,
    )


async def test_what_is_kept_is_found_by_every_process_until_it_is_too_old(
    opener: Callable[[], Store], tenant_id: UUID
) -> None:
    one = kept(tenant_id, "a")
    await opener().put(one, PLENTY)
    assert await opener().get(tenant_id, one.key, NOW + 99) == one
    assert await opener().get(tenant_id, one.key, NOW + 100) is None


async def test_a_key_finds_nothing_under_another_tenant(store: Store, tenant_id: UUID) -> None:
    one = kept(tenant_id, "a")
    await store.put(one, PLENTY)
    other = uuid4()
    assert await store.get(other, one.key, NOW) is None
    assert await store.purge(other, Filter()) == 0
    assert await store.usage(other, NOW) == Usage(0, 0)
    assert await store.get(tenant_id, one.key, NOW) == one


async def test_a_newer_answer_takes_the_place_of_the_older(store: Store, tenant_id: UUID) -> None:
    old = kept(tenant_id, "a", size=500)
    new = replace(kept(tenant_id, "a"), created_at=NOW + 5, expires_at=NOW + 500)
    await store.put(old, PLENTY)
    await store.put(new, PLENTY)
    assert await store.get(tenant_id, old.key, NOW + 200) == new
    assert await store.usage(tenant_id, NOW + 200) == Usage(1, new.bytes)


async def test_what_was_not_used_for_longest_goes_when_the_share_is_full(store: Store, tenant_id: UUID) -> None:
    first, second, third = (kept(tenant_id, name, at=NOW + 10 * place) for place, name in enumerate("abc"))
    share = first.bytes * 2
    await store.put(first, share)
    await store.put(second, share)
    assert await store.get(tenant_id, first.key, NOW + 90) == first  # used, so the second is the oldest
    await store.put(replace(third, created_at=NOW + 91, expires_at=NOW + 191), share)
    assert await store.get(tenant_id, second.key, NOW + 91) is None
    assert await store.get(tenant_id, first.key, NOW + 91) == first
    assert (await store.usage(tenant_id, NOW + 91)).bytes == share


async def test_an_answer_larger_than_the_share_is_not_kept_and_drives_nothing_out(
    store: Store, tenant_id: UUID
) -> None:
    small, large = kept(tenant_id, "a"), kept(tenant_id, "b", size=10_000)
    await store.put(small, 5000)
    await store.put(large, 5000)
    assert await store.get(tenant_id, large.key, NOW) is None
    assert await store.get(tenant_id, small.key, NOW) == small


async def test_a_share_is_each_tenants_own(store: Store, tenant_id: UUID) -> None:
    mine, theirs = kept(tenant_id, "a"), kept(uuid4(), "a")
    await store.put(mine, mine.bytes)
    await store.put(theirs, theirs.bytes)
    assert await store.get(tenant_id, mine.key, NOW) == mine


@pytest.mark.parametrize(
    ("which", "left"),
    [
        (Filter(), ""),
        (Filter(model="m"), "c"),
        (Filter(tag="t"), "ac"),
        (Filter(model="m", tag="t"), "ac"),
        (Filter(model="n", tag="t"), "abc"),
        (Filter(id="ans_absent"), "abc"),
    ],
)
async def test_answers_are_forgotten_by_model_and_tag(store: Store, tenant_id: UUID, which: Filter, left: str) -> None:
    entries = {
        "a": kept(tenant_id, "a"),
        "b": kept(tenant_id, "b", tag="t"),
        "c": kept(tenant_id, "c", model="n"),
    }
    for one in entries.values():
        await store.put(one, PLENTY)
    assert await store.purge(tenant_id, which) == len(entries) - len(left)
    found = [name for name, one in entries.items() if await store.get(tenant_id, one.key, NOW)]
    assert "".join(found) == left
    assert await store.usage(tenant_id, NOW) == Usage(len(left), sum(entries[name].bytes for name in left))


async def test_one_answer_is_forgotten_by_its_id(store: Store, tenant_id: UUID) -> None:
    one, other = kept(tenant_id, "a"), kept(tenant_id, "b")
    await store.put(one, PLENTY)
    await store.put(other, PLENTY)
    assert await store.purge(tenant_id, Filter(id=one.id)) == 1
    assert await store.get(tenant_id, other.key, NOW) == other


async def test_what_is_too_old_makes_room_for_what_is_new(store: Store, tenant_id: UUID) -> None:
    old, new = kept(tenant_id, "a"), kept(tenant_id, "b", at=NOW + 1000)
    await store.put(old, PLENTY)
    await store.put(new, PLENTY)
    assert await store.usage(tenant_id, 0) == Usage(1, new.bytes)


async def test_many_at_once_keep_to_the_share(opener: Callable[[], Store], tenant_id: UUID) -> None:
    stores = [opener() for _ in range(3)]
    entries = [kept(tenant_id, f"{number}") for number in range(60)]
    share = entries[0].bytes * 10
    await asyncio.gather(*(stores[place % 3].put(one, share) for place, one in enumerate(entries)))
    assert (await stores[0].usage(tenant_id, NOW)).bytes <= share


async def test_a_broken_file_is_begun_anew(tmp_path: Path, tenant_id: UUID) -> None:
    path = tmp_path / "answers.sqlite3"
    path.write_bytes(b"no database at all " * 100)
    store = MachineStore(path)
    one = kept(tenant_id, "a")
    await store.put(one, PLENTY)
    assert await store.get(tenant_id, one.key, NOW) == one
    await store.aclose()


async def test_a_file_that_cannot_be_made_is_said(tmp_path: Path, tenant_id: UUID) -> None:
    (tmp_path / "in_the_way").write_text("a file")
    store = MachineStore(tmp_path / "in_the_way" / "answers.sqlite3")
    with pytest.raises(StoreDown):
        await store.get(tenant_id, b"", NOW)
    await store.aclose()


async def test_a_redis_that_is_not_there_is_said(tenant_id: UUID) -> None:
    store = SharedStore("redis://127.0.0.1:1/0")
    with pytest.raises(StoreDown):
        await store.get(tenant_id, b"", NOW)
    await store.aclose()
