"""Hold: one usage record per call, settled on every ending."""

import asyncio
import time
from datetime import datetime
from functools import lru_cache
from types import TracebackType
from urllib.parse import quote

from proxy.call import Call, Caller, Headers, Inbound, Outbound, Trace
from proxy.errors import ClientGone, Refused, Stopping
from proxy.formats import estimate
from proxy.formats.usage import Usage
from proxy.ledger.journal import Journal
from proxy.ledger.meter import Meter
from proxy.ledger.prices import PriceBook, Quote
from proxy.ledger.record import Ending, Entry, State

_GONE = (asyncio.CancelledError, GeneratorExit, ClientGone)
_CLIENT_CLOSED_REQUEST = 499  # nginx's number for it; no client ever sees it
_DEFECT = 500
_MOST_MODEL_CHARS = 200
_INTERRUPTED = "The proxy was stopped during this call."
# Steps whose time is somebody else's: the client's sending, the wait for a free connection, the upstream.
_OTHERS_TIME = frozenset(("receive", "queue", "upstream"))


class Stopwatch:
    """Adds up the time spent inside its blocks."""

    seconds = 0.0
    _started = 0.0

    def __enter__(self) -> None:
        self._started = time.perf_counter()

    def __exit__(self, *_: object) -> None:
        self.seconds += time.perf_counter() - self._started


class entry:
    """The record of one authenticated request, from here to its end."""

    def __init__(self, inbound: Inbound, caller: Caller, journal: Journal, prices: PriceBook) -> None:
        self._record = Entry(journal, prices, inbound, caller)
        self._journal = journal
        self._prices = prices
        self._call: Call | None = None
        self._outbound: Outbound | None = None
        self._is_priced_by_default = False
        self._status: int | None = None
        self._upstream_request_id = ""
        self.stopwatch = Stopwatch()  # for work on the answer, which is no step of its own
        self.meter = Meter(self._record.progress)
        self.trace = Trace()
        self.trace.note("auth", inbound.received_at)

    async def __aenter__(self) -> "entry":
        return self

    async def __aexit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, _where: TracebackType | None
    ) -> None:
        self._record.settle(self._ending(error), self.trace)

    def ask(self, call: Call) -> None:
        """Note what the call asks for."""
        self._call = call
        self._record.ask(call)

    def start(self, outbound: Outbound) -> None:
        """Journal that the upstream is asked now. Raises Unavailable: what cannot be accounted is not sent."""
        self._record.open(outbound)
        self._outbound = outbound
        price = self._prices.price_of(outbound.model, 0, self.started_at)
        self._is_priced_by_default = price.is_default and outbound.call.endpoint == "messages"
        if self._is_priced_by_default:
            self.trace.note("price", time.perf_counter(), is_default=True, model=outbound.model[:_MOST_MODEL_CHARS])

    def go_on(self, outbound: Outbound) -> None:
        """Note that the upstream is asked once more for the same call."""
        self._call = outbound.call
        self.meter.go_on()
        self.trace.note("round", time.perf_counter(), number=self.meter.rounds)

    def serve(self, outbound: Outbound) -> None:
        """Note that the client gets what this upstream answered before. It is not asked, and costs nothing."""
        self._record.serve(outbound)

    @property
    def started_at(self) -> datetime:
        """When the call came in: the time that its record, its price and its budgets go by."""
        return self._record.started_at

    def quote(self, outbound: Outbound) -> Quote:
        """The price of what may leave the proxy, at the tier of the longest prompt that it can be."""
        most = estimate.most_input_tokens(outbound.call.document)
        return self._prices.price_of(outbound.model, most, self.started_at)

    def price_of(self, usage: Usage) -> Quote:
        """What this call's tokens cost."""
        return self._record.price_of(usage)

    def answer(self, status: int, upstream_request_id: str = "") -> Headers:
        """Note that the client gets its first byte now; what the proxy says of the call in headers."""
        self._status = status
        self._upstream_request_id = upstream_request_id
        self._record.first_byte()
        timing = ", ".join([f"{name};dur={micros / 1000:g}" for name, micros, _facts in self.trace.steps])
        overhead = f"{self._overhead_us() / 1000:g}"
        headers = [(b"x-llmp-overhead-ms", overhead.encode()), (b"server-timing", timing.encode())]
        if self._outbound is not None:
            headers.append((b"x-llmp-upstream", header_text(self._outbound.upstream.name)))
            headers.append((b"x-llmp-model", header_text(self._outbound.sent_as)))
            if self._is_priced_by_default:
                headers.append((b"x-llmp-price-warning", b"no price is known: charged by the default tier"))
        return headers

    def _overhead_us(self) -> int:
        own = sum([micros for name, micros, _facts in self.trace.steps if name not in _OTHERS_TIME])
        return own + int(self.stopwatch.seconds * 1_000_000)

    def _ending(self, error: BaseException | None) -> Ending:
        state, status, error_type, message = self._verdict(error)
        usage, is_estimated = self._usage(state)
        looked_up = next((facts for name, _micros, facts in self.trace.steps if name == "cache_lookup"), {})
        return Ending(
            state=state,
            status=status,
            usage=usage,
            is_usage_estimated=is_estimated,
            stop_reason=self.meter.stop_reason,
            error_type=error_type,
            error_message=message,
            upstream_request_id=self._upstream_request_id,
            response_bytes=self.meter.bytes,
            cache_state=looked_up.get("state", ""),
            saved_nano_usd=looked_up.get("saved_nano_usd", 0),
            queue_us=sum([micros for name, micros, _facts in self.trace.steps if name == "queue"]),
            overhead_us=self._overhead_us(),
        )

    def _verdict(self, error: BaseException | None) -> tuple[State, int, str, str]:
        """How it ended: state, the status the client was given, error type and message."""
        if error is None and self._call is not None and self._call.is_dry_run:
            return State.DRY_RUN, 200, "", ""
        if error is None:
            state = State.FAILED if self.meter.error_type else State.COMPLETED
            return state, self._status or 200, self.meter.error_type, self.meter.error_message
        if isinstance(error, Refused):
            state = State.FAILED if self._outbound is not None else State.REFUSED
            return state, self._status or error.status, error.type, error.message
        if isinstance(error, _GONE) and self._journal.is_ending:
            return State.INTERRUPTED, self._status or Stopping.status, "interrupted", _INTERRUPTED
        if isinstance(error, _GONE):
            return State.CANCELLED, self._status or _CLIENT_CLOSED_REQUEST, "", ""
        return State.FAILED, self._status or _DEFECT, "api_error", type(error).__name__

    def _usage(self, state: State) -> tuple[Usage, bool]:
        """What was used, and whether that is an estimate because the upstream's final count never came."""
        meter, call = self.meter, self._call
        is_billed = self._outbound is not None and call is not None and call.endpoint == "messages"
        if not is_billed or meter.is_complete:
            return meter.usage, False
        if meter.is_told:
            return meter.final_usage(), True
        if state in {State.CANCELLED, State.INTERRUPTED} and call is not None:
            # Nothing was told before the call was cut off; the upstream has read the prompt all the same.
            read = Usage(input_tokens=estimate.input_tokens(call.document))
            return read if meter.rounds == 1 else meter.usage.plus(read), True
        return meter.usage, False


@lru_cache(maxsize=1024)
def header_text(text: str) -> bytes:
    """A name as a header's value: what is not printable ASCII is percent-encoded."""
    return quote(text, safe=" !#$&'()*+,/:;=?@[]-._~<>^`{|}").encode()
