"""What a step is told: by the memo, by the workers, in time or not at all."""

import asyncio
import pickle
from collections.abc import Sequence

import orjson
import pytest

from proxy.privacy.detection import frames, memo
from proxy.privacy.detection.detector import DetectionTimedOut, DetectionUnavailable, Detector
from proxy.privacy.detection.frames import Job
from proxy.privacy.detection.pool import PoolFull, WorkerFailed
from proxy.privacy.findings import Finding
from proxy.privacy.rules import Mode, Rules

RULES = Rules(default_mode=Mode.MONITOR)
PATTERNS_ONLY = Rules(default_mode=Mode.MONITOR, modes={"PERSON": Mode.OFF, "ADDRESS": Mode.OFF})
KEY = b"tenant"


class FakePool:
    """Finds `secret` in patterns and `Ann` in names; notes what it was asked."""

    def __init__(self, *, seconds: float = 0, error: Exception | None = None) -> None:
        self.jobs: list[Job] = []
        self._seconds = seconds
        self.error = error

    def start(self) -> None:
        pass

    async def aclose(self) -> None:
        pass

    async def run(self, job: Job, place: int = 0) -> Sequence[Finding]:
        self.jobs.append(job)
        await asyncio.sleep(self._seconds)
        if self.error:
            raise self.error
        wanted, entity_type = ("Ann", "PERSON") if job.is_names else ("secret", "SECRET")
        start = job.text.find(wanted)
        return [] if start < 0 else [Finding(start, start + len(wanted), entity_type, 0.8)]


def detector(pool: FakePool, **options: float) -> Detector:
    settings = {"deadline_seconds": 5.0, "memo_bytes": 1 << 20, **options}
    return Detector(workers=1, pool=pool, **settings)  # type: ignore[arg-type]


async def test_each_text_gets_its_own_findings() -> None:
    found = await detector(FakePool()).find(["a secret", "nothing", "Ann knows a secret", ""], RULES, KEY)
    assert [[one.entity_type for one in text] for text in found] == [["SECRET"], [], ["PERSON", "SECRET"], []]
    assert (found[2][0].start, found[2][0].end) == (0, 3)


async def test_a_text_is_read_once_for_each_tenant_and_rules() -> None:
    pool = FakePool()
    one = detector(pool)
    first = await one.find(["a secret"], PATTERNS_ONLY, KEY)
    assert await one.find(["a secret", "a secret"], PATTERNS_ONLY, KEY) == first * 2
    assert len(pool.jobs) == 1
    await one.find(["a secret"], PATTERNS_ONLY, b"another tenant")
    await one.find(["a secret"], Rules(default_mode=Mode.MONITOR, min_score=0.9), KEY)
    assert len({id(job) for job in pool.jobs if not job.is_names}) == 3


async def test_the_same_text_asked_twice_at_once_is_read_once() -> None:
    pool = FakePool(seconds=0.05)
    one = detector(pool)
    results = await asyncio.gather(*(one.find(["a secret"], PATTERNS_ONLY, KEY) for _ in range(20)))
    assert len(pool.jobs) == 1 and len({str(result) for result in results}) == 1


async def test_who_leaves_does_not_take_the_answer_from_who_stays() -> None:
    one = detector(FakePool(seconds=0.1))
    leaving = asyncio.create_task(one.find(["a secret"], PATTERNS_ONLY, KEY))
    staying = asyncio.create_task(one.find(["a secret"], PATTERNS_ONLY, KEY))
    await asyncio.sleep(0)
    leaving.cancel()
    assert len((await staying)[0]) == 1


async def test_past_the_deadline_it_says_so_and_remembers_later() -> None:
    one = detector(FakePool(seconds=0.3), deadline_seconds=0.05)
    with pytest.raises(DetectionTimedOut):
        await one.find(["a secret"], PATTERNS_ONLY, KEY)
    await asyncio.sleep(1)
    assert len((await one.find(["a secret"], PATTERNS_ONLY, KEY))[0]) == 1


@pytest.mark.parametrize("error", [PoolFull(), WorkerFailed("why")])
async def test_failing_workers_make_it_unavailable_and_nothing_is_remembered(error: Exception) -> None:
    pool = FakePool(error=error)
    one = detector(pool)
    with pytest.raises(DetectionUnavailable) as raised:
        await one.find(["a secret"], PATTERNS_ONLY, KEY)
    assert "secret" not in str(raised.value)
    pool.error = None
    assert len((await one.find(["a secret"], PATTERNS_ONLY, KEY))[0]) == 1


async def test_names_are_read_only_where_somebody_asks_for_them() -> None:
    pool = FakePool()
    await detector(pool).find(["Ann"], PATTERNS_ONLY, KEY)
    assert [job.is_names for job in pool.jobs] == [False]


async def test_the_languages_go_with_every_job_of_patterns() -> None:
    pool = FakePool()
    rules = Rules(default_mode=Mode.MONITOR, languages=("de", "en"))
    await detector(pool).find(["Ann knows a secret"], rules, KEY)
    [patterns] = [job for job in pool.jobs if not job.is_names]
    assert frames.job(orjson.loads(patterns.packed()[frames.HEADER.size :])).languages == ("de", "en")


async def test_findings_below_the_threshold_switched_off_or_allowed_are_left_out() -> None:
    for rules in (
        Rules(default_mode=Mode.MONITOR, min_score=0.81),
        Rules(default_mode=Mode.MONITOR, modes={"SECRET": Mode.OFF}),
        Rules(default_mode=Mode.MONITOR, allow=frozenset({"SECRET"})),
    ):
        assert await detector(FakePool()).find(["a secret"], rules, KEY) == [()]


async def test_names_in_later_windows_have_their_place_in_the_text() -> None:
    text = "Some words of no interest stand here.\n" * 40 + "Ann."
    found = await detector(FakePool()).find([text], RULES, KEY)
    assert [text[one.start : one.end] for one in found[0]] == ["Ann"]


async def test_the_memo_holds_nothing_of_a_text() -> None:
    one = detector(FakePool())
    await one.find(["a secret of Ann Lovelace"], RULES, KEY)
    kept = pickle.dumps(list(one._memo._kept.items()))
    assert b"SECRET" in kept
    assert not any(word in kept for word in (b"Ann", b"Lovelace", b"secret"))


def test_the_memo_is_bounded_and_forgets_the_least_used_first() -> None:
    small = memo.Memo(most_bytes=1000)
    for number in range(3):
        small.put(bytes([number]), ())
    small.get(b"\0")
    small.put(b"\3", (Finding(0, 1, "SECRET", 1.0),))
    assert small.get(b"\0") == () and small.get(b"\1") is None and small.get(b"\3")


def test_digests_differ_by_tenant_rules_and_text() -> None:
    digests = {
        memo.digest(tenant, rules, text)
        for tenant in (b"a", b"b")
        for rules in (b"1" * 16, b"2" * 16)
        for text in ("x", "y", "\ud800")
    }
    assert len(digests) == 12


async def test_closing_ends_what_is_read() -> None:
    one = detector(FakePool(seconds=60))
    waiting = asyncio.create_task(one.find(["a secret"], PATTERNS_ONLY, KEY))
    await asyncio.sleep(0.01)
    await one.aclose()
    with pytest.raises((asyncio.CancelledError, DetectionUnavailable)):
        await waiting
