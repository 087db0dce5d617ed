"""Makes what a web process holds, from the settings, and closes it again: the only place that wires it together."""

import asyncio
import gc
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import httpx
from django.conf import settings

from proxy.alerts.watch import Watch
from proxy.answers.cache import Cache
from proxy.answers.likeness.around import EmbeddingDown
from proxy.answers.likeness.likeness import Vector
from proxy.answers.stores import opening
from proxy.auth import Keys
from proxy.config import Config
from proxy.directory import Directory
from proxy.knowledge import embedding, scrubbing, tokens, uses
from proxy.knowledge.shelf import Shelf
from proxy.ledger import buckets, recovery, writer
from proxy.ledger.budgets.accounts import Accounts
from proxy.ledger.journal import Journal
from proxy.ledger.rows import Row
from proxy.ledger.usage_sums import UsageReader
from proxy.privacy.detection.detector import Detector
from proxy.privacy.detection.shared import SharedMemo
from proxy.rules.weighing import vectors
from proxy.rules.weighing.scales import Scales
from proxy.runtime import Limits, Runtime
from proxy.simulator.transport import SimulatorTransport
from proxy.snapshots import DatabaseSource
from proxy.transcripts.keeper import Keeper
from proxy.upstreams import Pool
from proxy.upstreams.model_lists import ModelLists
from proxy.upstreams.slots import Slots
from proxy.upstreams.transport import GuardedTransport
from tenants import destinations, keys


def _spare_the_collector() -> None:
    """What is loaded stays: looking through it again and again costs pauses that open streams would feel."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 50)


def _limits(config: Config) -> Limits:
    return Limits(config.max_body_bytes, config.body_timeout_seconds, config.ping_seconds, config.send_timeout_seconds)


def _transports() -> dict[str, httpx.AsyncBaseTransport]:
    return {
        "anthropic": GuardedTransport(destinations.check_address),
        "simulator": SimulatorTransport(),
        "detector": GuardedTransport(destinations.check_address),
    }


def _detector(config: Config) -> Detector:
    return Detector(
        workers=config.detection_workers,
        deadline_seconds=config.detection_seconds,
        sharing=SharedMemo(config.redis_url) if config.redis_url else None,
    )


def _writer(journal: Journal, accounts: Accounts, watch: Watch) -> writer.Writer:
    def note(closed: Sequence[Row]) -> None:
        accounts.settled(closed)
        watch.note(closed)

    return writer.Writer(journal, leased=accounts.holds, beside=uses.write, on_closed=note)


async def _vector(text: str) -> Vector:
    """A text as the built-in model reads it: in threads, its opening too. Raises EmbeddingDown."""
    model = await asyncio.to_thread(embedding.built_in)
    try:
        vector: Vector = (await model.embed([text]))[0]
    except (embedding.EmbeddingDown, tokens.Altered) as down:
        raise EmbeddingDown(str(down)) from down
    return vector


async def _warm(in_thread: Callable[..., Awaitable[Any]], answers: Cache, detector: Detector, scales: Scales) -> None:
    """Workers of detection, and the models of likenesses and rules, take seconds to start: no request should wait."""
    if not answers.likenesses.is_warm and await in_thread(DatabaseSource.needs_likenesses):
        answers.likenesses.warm()
    if not detector.workers.wanted and await in_thread(DatabaseSource.needs_detection):
        detector.start()
    scales.warm(await in_thread(DatabaseSource.asked_detectors))


@asynccontextmanager
async def running(config: Config) -> AsyncIterator[Runtime]:
    """The runtime of this process, following the database until it is left. Raises directory.SourceDown."""
    with (
        ThreadPoolExecutor(max_workers=2, thread_name_prefix="database") as threads,
        ThreadPoolExecutor(max_workers=1, thread_name_prefix="usage") as sums,
        ThreadPoolExecutor(max_workers=1, thread_name_prefix="transcripts") as writing,
    ):
        in_thread = partial(asyncio.get_running_loop().run_in_executor, threads)
        detector = _detector(config)
        scrubbing.use(detector)
        answers = Cache(opening.opened(redis_url=config.redis_url, folder=config.data_dir), embed=_vector)
        transports = _transports()
        scales = Scales(detector, transports["detector"], vectors.embedded)
        warm = partial(_warm, in_thread, answers, detector, scales)
        directory = Directory(DatabaseSource(), in_thread, on_change=warm)
        await directory.start()
        await in_thread(partial(recovery.recover, config.data_dir / "journal", beside=uses.write))
        journal = Journal.open(config.data_dir / "journal", fsync=config.journal_fsync)
        pool = Pool(transports, Slots())
        texts = Keeper(partial(asyncio.get_running_loop().run_in_executor, writing))
        watch = Watch(config.redis_url)
        accounts = Accounts(in_thread, process=journal.name)
        settling = _writer(journal, accounts, watch)
        settling.start()
        watch.start()
        texts.start()
        _spare_the_collector()
        await warm()
        try:
            async with buckets.opened(redis_url=config.redis_url, folder=config.data_dir, name=journal.name) as rates:
                yield Runtime(
                    directory=directory,
                    keys=Keys(keys.is_well_formed, partial(keys.digests, peppers=settings.KEY_PEPPERS)),
                    journal=journal,
                    pool=pool,
                    model_lists=ModelLists(transports),
                    buckets=rates,
                    accounts=accounts,
                    usage=UsageReader(partial(asyncio.get_running_loop().run_in_executor, sums)),
                    detector=detector,
                    scales=scales,
                    answers=answers,
                    shelf=Shelf(in_thread),
                    transcripts=texts,
                    limits=_limits(config),
                )
        finally:
            await texts.aclose()
            await directory.stop()
            await pool.aclose()
            scrubbing.use(None)
            await detector.aclose()
            await answers.aclose()
            await in_thread(settling.stop)
            await in_thread(watch.stop)
