"""Makes usage entries as a call on its way would."""

import time
from collections.abc import Sequence

from proxy.call import Caller, Inbound, Outbound, Trace
from proxy.formats.usage import Usage
from proxy.ledger.journal import Journal
from proxy.ledger.prices import PriceBook
from proxy.ledger.record import Ending, Entry, State
from tests.proxy import build

USAGE = Usage(input_tokens=10, output_tokens=20)
DONE = Ending(state=State.COMPLETED, status=200, usage=USAGE, stop_reason="end_turn")


def inbound(id: str, *, headers: Sequence[tuple[bytes, bytes]] = (), client_ip: str = "192.0.2.1") -> Inbound:
    return Inbound("POST", "/v1/messages", b"", list(headers), client_ip, id, time.perf_counter())


def asked(
    journal: Journal, id: str, *, by: Caller | None = None, model: str = "claude-opus-5", book: PriceBook | None = None
) -> tuple[Entry, Outbound]:
    """An entry that knows what is asked for, and where the call would go."""
    asked = inbound(id)
    by = by or build.caller()
    call = build.call({**build.HELLO, "model": model}, by=by, asked=asked)
    entry = Entry(journal, book or PriceBook([]), asked, by)
    entry.ask(call)
    return entry, Outbound(call=call, upstream=by.tenant.upstreams[0], model=model, sent_as=model, body=b"")


def opened(journal: Journal, id: str, *, by: Caller | None = None, model: str = "claude-opus-5") -> Entry:
    entry, outbound = asked(journal, id, by=by, model=model)
    entry.open(outbound)
    return entry


def completed(journal: Journal, id: str, *, by: Caller | None = None) -> None:
    opened(journal, id, by=by).settle(DONE, Trace())
