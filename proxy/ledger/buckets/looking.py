"""This process's buckets as pages see them: from a thread beside the event loop that the buckets belong to."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from proxy.ledger.buckets import demand
from proxy.ledger.buckets.demand import Buckets, Demand, Place, StoreDown, Taken, Want

_PATIENCE_SECONDS = 1.0
_shown: list[tuple[Buckets, asyncio.AbstractEventLoop]] = []


@contextmanager
def shown(buckets: Buckets) -> Iterator[None]:
    """While the block runs, pages of this process may look at these. On the event loop."""
    entry = (buckets, asyncio.get_running_loop())
    _shown.append(entry)
    try:
        yield
    finally:
        _shown.remove(entry)


def look(wants: Sequence[Want], places: Sequence[Place]) -> Taken | None:
    """How these stand, with nothing taken; None where this process has no buckets, or they do not answer.

    Not on the event loop itself.
    """
    if not _shown:
        return None
    buckets, loop = _shown[-1]
    # No place is free of none: so nothing is taken, and no call is remembered.
    asked = asyncio.run_coroutine_threadsafe(buckets.take(demand.look(Demand("look", wants, places))), loop)
    try:
        return asked.result(timeout=_PATIENCE_SECONDS)
    except (StoreDown, TimeoutError, asyncio.CancelledError):
        asked.cancel()
        return None
