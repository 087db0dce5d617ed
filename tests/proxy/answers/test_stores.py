"""What every store of answers promises, asked of each of them."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from redis.asyncio import Redis

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
        path = tmp_path / "answers.sqlite3"
        is_redis = request.param == "redis"
        store: Store = SharedStore(url, patience_seconds=10) if is_redis else MachineStore(path, lock_seconds=60)
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


def like(one: Kept, rest: bytes = b"r" * 32) -> Kept:
    return replace(one, rest=rest, likeness=b"sealed likeness")


async def test_like_questions_are_found_by_their_rest_the_newest_first(store: Store, tenant_id: UUID) -> None:
    entries = [like(kept(tenant_id, name, at=NOW + place)) for place, name in enumerate("abc")]
    for one in [*entries, kept(tenant_id, "alone"), like(kept(tenant_id, "other"), b"s" * 32)]:
        await store.put(one, PLENTY)
    found = await store.near(tenant_id, b"r" * 32, NOW + 3, 2)
    assert [one.key for one in found] == [entries[2].key, entries[1].key]
    assert (found[0].id, found[0].created_at, found[0].key_version) == (entries[2].id, NOW + 2, 1)
    assert found[0].likeness == b"sealed likeness"
    assert await store.get(tenant_id, entries[0].key, NOW + 3) == entries[0]


async def test_nothing_is_like_a_question_of_another_tenant_or_without_a_rest(store: Store, tenant_id: UUID) -> None:
    await store.put(like(kept(tenant_id, "a")), PLENTY)
    await store.put(kept(tenant_id, "b"), PLENTY)
    assert await store.near(uuid4(), b"r" * 32, NOW, 9) == []
    assert await store.near(tenant_id, b"", NOW, 9) == []


async def test_what_is_too_old_forgotten_or_driven_out_is_like_nothing(store: Store, tenant_id: UUID) -> None:
    old, gone, new = (like(kept(tenant_id, name, at=NOW + place)) for place, name in enumerate("abc"))
    for one in (old, gone):
        await store.put(one, PLENTY)
    await store.purge(tenant_id, Filter(id=gone.id))
    assert [one.id for one in await store.near(tenant_id, old.rest, NOW + 1, 9)] == [old.id]
    assert await store.near(tenant_id, old.rest, NOW + 100, 9) == []
    await store.put(new, new.bytes)
    assert [one.id for one in await store.near(tenant_id, old.rest, NOW + 3, 9)] == [new.id]


async def test_of_a_tenant_that_is_gone_nothing_is_kept_any_more(opener: Callable[[], Store], tenant_id: UUID) -> None:
    mine, theirs = like(kept(tenant_id, "a")), kept(uuid4(), "a")
    for one in (mine, theirs):
        await opener().put(one, PLENTY)
    assert await opener().end(tenant_id, NOW) == 1
    await opener().put(mine, PLENTY)  # by a call that was under way
    assert await opener().get(tenant_id, mine.key, NOW) is None
    assert await opener().near(tenant_id, mine.rest, NOW, 9) == []
    assert await opener().usage(tenant_id, NOW) == Usage(0, 0)
    assert await opener().get(theirs.tenant_id, theirs.key, NOW) == theirs


@pytest.mark.parametrize("is_gone", [False, True], ids=["purged", "ended"])
async def test_forgotten_bytes_are_in_no_file(tmp_path: Path, tenant_id: UUID, is_gone: bool) -> None:
    canary = b"canary " * 2000  # as a ciphertext would stand there, over several pages
    store, reader = (MachineStore(tmp_path / "answers.sqlite3") for _ in range(2))
    one = replace(like(kept(tenant_id, "a")), sealed=canary, likeness=canary)
    await store.put(one, PLENTY)
    assert await reader.get(tenant_id, one.key, NOW) == one
    assert b"canary" in files(tmp_path)
    await (store.end(tenant_id, NOW) if is_gone else store.purge(tenant_id, Filter()))
    assert b"canary" not in files(tmp_path)
    for opened in (store, reader):
        await opened.aclose()


def files(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.iterdir())


async def test_in_redis_nothing_is_left_of_a_tenant_but_that_it_is_gone(redis_url: str, tenant_id: UUID) -> None:
    store, redis = SharedStore(redis_url, patience_seconds=10), Redis.from_url(redis_url)
    for name in "abc":
        await store.put(like(kept(tenant_id, name)), PLENTY)
    await store.end(tenant_id, NOW)
    left = [key async for key in redis.scan_iter(f"*{tenant_id.hex}*")]
    assert [key.rpartition(b":")[2] for key in left] == [b"gone"]
    for opened in (store, redis):
        await opened.aclose()


async def test_a_file_of_an_older_version_is_emptied(tmp_path: Path, tenant_id: UUID) -> None:
    with closing(sqlite3.connect(tmp_path / "answers.sqlite3")) as old:
        old.execute("CREATE TABLE answer (tenant BLOB, key BLOB)")
        old.commit()
    store, one = MachineStore(tmp_path / "answers.sqlite3"), kept(tenant_id, "a")
    await store.put(one, PLENTY)
    assert await store.get(tenant_id, one.key, NOW) == one
    await store.aclose()
