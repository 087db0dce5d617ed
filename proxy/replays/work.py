"""One replay's way through the worker: some calls at a time, written down as it goes, so that nothing is done twice."""

import time
from collections.abc import Iterator
from typing import Any

import structlog

from proxy.replays import queue, running, sources
from proxy.replays.models import PolicyReplay
from proxy.replays.queue import Claim, Lost
from proxy.replays.report import Report
from proxy.replays.sources import Found
from tenants.secrets import CannotDecrypt

_KEEP_SECONDS = 1.0

log = structlog.get_logger(__name__)


def replay(claim: Claim, *, until: float) -> None:
    """Judge its calls, until `time.monotonic()` is past `until`; then others have their turn."""
    row = claim.replay
    report = Report.of(row.report)
    try:
        kept_at, cursor = time.monotonic(), row.cursor
        for cursor in running.run(report, row.above, row.tried, row.holding, _calls(row)):
            now = time.monotonic()
            if now >= until:
                claim.give_back(**_so_far(report, cursor))
                return
            if now - kept_at >= _KEEP_SECONDS:
                claim.keep(**_so_far(report, cursor))
                kept_at = now
        claim.end(PolicyReplay.State.DONE, **_so_far(report, cursor))
    except CannotDecrypt as broken:
        _fail(claim, str(broken))
    except Lost:
        log.info("a replay was taken back while it ran", replay=str(row.pk))


def _fail(claim: Claim, reason: str) -> None:
    try:
        claim.end(PolicyReplay.State.FAILED, reason)
    except Lost:
        log.info("a replay was taken back while it ran", replay=str(claim.replay.pk))


def _so_far(report: Report, cursor: sources.Cursor) -> dict[str, Any]:
    return {"report": report.stored(), "cursor": cursor, "done": report.calls + report.error_count}


def _calls(row: PolicyReplay) -> Iterator[Found]:
    if row.tenant is not None and row.days is not None:
        return sources.of_transcripts(row.tenant, row.days, row.created_at, row.cursor)
    return sources.of_sample(queue.sample_of(row), row.cursor)
