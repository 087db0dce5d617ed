"""Filter: ends a stream as at `max_tokens` when a budget was cut under it and nothing of it is left."""

import time
from collections.abc import Awaitable, Callable, Iterable, Sequence

from proxy.call import Budget, Caller, Trace
from proxy.errors import Refused
from proxy.formats.endings import Progress
from proxy.formats.sse import Event
from proxy.ledger.budgets.watching import Stake, Watch, Watcher
from proxy.ledger.meter import Meter
from proxy.stream import Chain, Filter


class Cutoff(Filter):
    """The upstream is left as soon as the client has its ending; what was delivered is charged, estimated."""

    def __init__(self, watch: Watch, meter: Meter, trace: Trace) -> None:
        self.is_over = False
        self._watch = watch
        self._meter = meter
        self._trace = trace
        self._progress = Progress()

    def feed(self, event: Event) -> Iterable[Event]:
        """The same event, or the message's end in its place."""
        if self.is_over:
            return ()
        budget = self._watch.ran_out
        if budget is None or not self._progress.has_begun or self._progress.is_ending:
            self._progress.note(event)
            return (event,)
        self.is_over = True
        self._trace.note("cutoff", time.perf_counter(), budget=f"{budget.unit} {budget.period}")
        usage = self._meter.cut("max_tokens")
        return list(self._progress.closing(stop_reason="max_tokens", usage={"output_tokens": usage.output_tokens}))

    def finish(self) -> Iterable[Event]:
        """Nothing: the stream is over."""
        self._watch.is_over = True
        return ()


def watch(
    stake: Stake | None, watcher: Watcher, meter: Meter, trace: Trace, again: Callable[[], Awaitable[Caller]]
) -> Filter:
    """The filter of a stream with budgets; `again` finds its caller as the rules are now."""
    if stake is None:
        return Chain()

    async def current() -> Sequence[Budget]:
        try:
            caller = await again()
        except Refused:  # the key's end ends no stream
            return stake.budgets
        return [*caller.budgets, *caller.tenant.budgets]

    watched = Watch(stake, meter.final_usage, current)
    watcher.add(watched)
    return Cutoff(watched, meter, trace)
