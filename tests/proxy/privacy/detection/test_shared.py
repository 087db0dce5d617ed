"""Findings that processes share through Redis."""

import pytest
import redis

from proxy.privacy.detection.detector import Detector
from proxy.privacy.detection.shared import LEAST_CHARS, SharedMemo
from proxy.privacy.findings import Finding
from tests.proxy.privacy.detection.test_detector import KEY, RULES, FakePool

LONG = "Ann knows a secret. " + "Nothing else is said here. " * (LEAST_CHARS // 20)
NOBODY = "redis://127.0.0.1:9/0"


def detector(pool: FakePool, url: str) -> Detector:
    return Detector(workers=1, deadline_seconds=5, sharing=SharedMemo(url), pool=pool)  # type: ignore[arg-type]


async def read(url: str, text: str = LONG, key: bytes = KEY) -> tuple[int, list[Finding]]:
    """How many jobs it took a new process, and what it found."""
    pool = FakePool()
    one = detector(pool, url)
    (found,) = await one.find([text], RULES, key)
    await one.aclose()
    return len(pool.jobs), list(found)


@pytest.mark.redis
async def test_what_one_process_read_another_knows(redis_url: str) -> None:
    jobs, found = await read(redis_url)
    assert jobs and len(found) == 2
    assert await read(redis_url) == (0, found)
    assert (await read(redis_url, key=b"another tenant"))[0] == jobs


@pytest.mark.redis
async def test_short_texts_are_not_shared(redis_url: str) -> None:
    await read(redis_url, "a secret of Ann")
    assert (await read(redis_url, "a secret of Ann"))[0] > 0


@pytest.mark.redis
async def test_nothing_of_a_text_is_in_redis_and_what_was_altered_is_not_believed(redis_url: str) -> None:
    text = LONG + "one more"
    jobs, found = await read(redis_url, text)
    with redis.Redis.from_url(redis_url) as store:
        entries = {name: store.get(name) for name in store.keys("llmp:pii:*")}
        assert entries
        assert not any(word in name + value for name, value in entries.items() for word in (b"Ann", b"secret."))
        for name, value in entries.items():
            store.set(name, value[:16] + b"[]")
    assert await read(redis_url, text) == (jobs, found)


async def test_without_redis_texts_are_read_here() -> None:
    jobs, found = await read(NOBODY)
    assert jobs and len(found) == 2
