"""The providers a call may go to: `UPSTREAMS` names them, `open` calls one.

Adding a kind: docs/adding-an-upstream.md.
"""

import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from types import ModuleType

import httpx

from proxy.call import Outbound
from proxy.upstreams import anthropic
from proxy.upstreams.answer import Answer, UpstreamFailed
from proxy.upstreams.slots import Slots

UPSTREAMS: Mapping[str, ModuleType] = {"anthropic": anthropic, "simulator": anthropic}
"""Kind → module with `prepare(outbound) -> httpx.Request`."""


@dataclass(frozen=True)
class Pool:
    """What this process keeps open towards its upstreams: a transport per kind, and the places taken."""

    transports: Mapping[str, httpx.AsyncBaseTransport]
    slots: Slots

    async def aclose(self) -> None:
        """Close every connection."""
        for transport in self.transports.values():
            await transport.aclose()


@asynccontextmanager
async def open(outbound: Outbound, pool: Pool) -> AsyncIterator[Answer]:
    """The upstream's answer, closed on every ending. Raises UpstreamFailed, UpstreamBusy."""
    upstream = outbound.upstream
    request = UPSTREAMS[upstream.kind].prepare(outbound)
    trace = outbound.call.trace
    queued_at = time.perf_counter()
    await pool.slots.take(upstream)
    try:
        asked_at = time.perf_counter()
        trace.note("queue", queued_at)
        answer = await Answer.ask(pool.transports[upstream.kind], request, upstream)
        trace.note("upstream", asked_at, status=answer.status)
        try:
            yield answer
        finally:
            await answer.aclose()
    finally:
        pool.slots.release(upstream.id)


__all__ = ["UPSTREAMS", "Answer", "Pool", "UpstreamFailed", "open"]
