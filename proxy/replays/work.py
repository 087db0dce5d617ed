"""A job's way through the worker: some at a time, written down as it goes, so that nothing is done twice."""

import asyncio
import time
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import structlog

from proxy.ledger import prices
from proxy.proving import proof
from proxy.replays import queue, running, sources
from proxy.replays.models import Job, PolicyProof, PolicyReplay
from proxy.replays.queue import Claim, Lost
from proxy.replays.report import Report
from proxy.replays.sources import Found
from tenants import actions
from tenants.secrets import CannotDecrypt

_KEEP_SECONDS = 1.0
_RULES_AT_ONCE = 5

log = structlog.get_logger(__name__)


def work(claim: Claim, *, until: float) -> None:
    """Go on with it, until `time.monotonic()` is past `until`; then others have their turn."""
    try:
        if isinstance(claim.job, PolicyReplay):
            _replay(claim, claim.job, until)
        else:
            _prove(claim, claim.job, until)
    except CannotDecrypt as broken:
        _fail(claim, str(broken))
    except Lost:
        log.info("a job was taken back while it ran", job=str(claim.job.pk))


def _replay(claim: Claim, row: PolicyReplay, until: float) -> None:
    report = Report.of(row.report)
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


def _prove(claim: Claim, row: PolicyProof, until: float) -> None:
    """A few rules at a time, all of them as they stand together."""
    checks, at, book = list(row.report.get("checks", [])), row.cursor or 0, prices.load()
    looks_for = proof.looks_for_all if row.privacy is None else proof.looked_for(row.privacy)
    while at < row.total:
        part = slice(at, at + _RULES_AT_ONCE)
        done = asyncio.run(proof.prove(row.above, row.own, prices=book, looks_for=looks_for, part=part))
        checks += [asdict(check) for check in done.checks]
        at = min(at + _RULES_AT_ONCE, row.total)
        so_far = {"cursor": at, "done": at, "report": {"checks": checks}}
        if at < row.total and time.monotonic() >= until:
            claim.give_back(**so_far)
            return
        claim.keep(**so_far)
    counts = proof.Proof([proof.Check(**check) for check in checks]).counts
    claim.end(PolicyProof.State.DONE)
    actions.note_proof(actor=f"user:{row.author}", tenant=row.tenant, counts=counts)


def _fail(claim: Claim, reason: str) -> None:
    try:
        claim.end(Job.State.FAILED, reason)
    except Lost:
        log.info("a job was taken back while it ran", job=str(claim.job.pk))


def _so_far(report: Report, cursor: sources.Cursor) -> dict[str, Any]:
    return {"report": report.stored(), "cursor": cursor, "done": report.calls + report.error_count}


def _calls(row: PolicyReplay) -> Iterator[Found]:
    if row.tenant is not None and row.days is not None:
        return sources.of_transcripts(row.tenant, row.days, row.created_at, row.cursor)
    return sources.of_sample(queue.sample_of(row), row.cursor)
