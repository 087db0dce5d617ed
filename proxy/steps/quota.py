"""Rewrite: reserve what the call may cost from every budget, and lower `max_tokens` to what there is room for.

What is reserved here is settled with the call's record (ledger/budgets/settling.py), however the call ends.
"""

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from urllib.parse import quote as percent_encoded

from proxy.call import Call, CleanCall, Headers, Outbound
from proxy.errors import Refused, Unavailable
from proxy.formats import estimate
from proxy.formats.splice import Leaf, Path
from proxy.ledger.budgets import degrading, unified, words
from proxy.ledger.budgets.accounts import Accounts, AccountsDown
from proxy.ledger.budgets.need import Growth, Need
from proxy.ledger.budgets.reserving import Degrade, Reserved, Standing
from proxy.ledger.budgets.watching import Stake
from proxy.ledger.prices import Quote

_LEAST_OUTPUT = 256  # less is no answer
_MOST_OUTPUT = 10_000_000  # no model writes more; what is reserved must fit a column
_LEAST_WITH_THINKING = 2048  # the API thinks in no fewer than 1,024 tokens, and must answer too
_LEAST_THINKING = 1024
_SAFE = "-._~:/@[]"

Instead = Callable[[CleanCall, str], Outbound | None]
"""The call as it goes to another model, if somebody serves it."""


class BudgetSpent(Refused):
    """A budget has no room for the call. The message says which, and when there is room again."""

    status = 429
    type = "billing_error"
    headers = {"x-should-retry": "false"}


@dataclass(frozen=True, slots=True)
class Admitted:
    """The call as it may go, and what its budgets look like now."""

    outbound: Outbound
    standings: Sequence[Standing] = ()
    max_tokens: int | None = None  # where it was lowered
    degraded: Mapping[str, str | int] = field(default_factory=dict)  # what it got instead
    stake: Stake | None = None  # what its stream is looked after for
    need: Need | None = None  # what is reserved; None: nothing is
    most_output: int | None = None  # of all rounds, once there is more than one

    def headers(self, headers: Headers) -> Headers:
        """The reply's headers, with the tightest budget's state where clients look for it."""
        if not self.standings:
            return headers
        own = list(unified.lines(tuple(self.standings)))
        if self.max_tokens is not None:
            own.append((b"x-llmp-max-tokens", str(self.max_tokens).encode()))
        if self.degraded:
            said = ", ".join(
                f"{name}={percent_encoded(str(value), safe=_SAFE)}" for name, value in self.degraded.items()
            )
            own.append((b"x-llmp-degraded", said.encode()))
        own += [(b"x-llmp-budget-warning", words.encode()) for words in self._warnings()]
        kept = [item for item in headers if not item[0].startswith(unified.PREFIX.encode())]
        return [*kept, *own]

    def _warnings(self) -> Iterator[str]:
        for standing in self.standings:
            if not standing.budget.is_blocking and standing.spent >= standing.budget.amount:
                yield f"{_whole(standing, self.outbound.call)} used"


class _Choice:
    """The call as it is asked, until the budgets' state says that it gets something else."""

    def __init__(self, outbound: Outbound, quote: Callable[[Outbound], Quote], instead: Instead) -> None:
        self.outbound = outbound
        self.need = _need(outbound.call, quote(outbound))
        self.degraded: dict[str, str | int] = {}
        self._quote = quote
        self._instead = instead

    def degrade(self, standings: Sequence[Standing]) -> Need:
        """As `reserving.Degrade`. A model that nobody serves, or that is no cheaper, takes no call over."""
        plan = degrading.plan(standings)
        other = self._instead(self.outbound.call, plan.model) if plan.model is not None else None
        if other is not None and (quote := self._quote(other)).output_nano < self.need.quote.output_nano:
            self.outbound, self.need = other, _need(other.call, quote)
            self.degraded["model"] = other.model
        if plan.max_tokens is not None and plan.max_tokens < self.need.most_output:
            self.need = replace(self.need, most_output=max(plan.max_tokens, self.need.least_output))
            self.degraded["max_tokens"] = self.need.most_output
        return self.need


async def reserve(
    outbound: Outbound, accounts: Accounts, quote: Callable[[Outbound], Quote], at: datetime, instead: Instead
) -> Admitted:
    """The call as its budgets let it go. Raises BudgetSpent, and Unavailable where budgets cannot be asked."""
    call = outbound.call
    budgets = [*call.caller.budgets, *call.caller.tenant.budgets]
    if not budgets or call.endpoint != "messages":  # counting tokens costs nothing
        return Admitted(outbound)
    started = time.perf_counter()
    choice = _Choice(outbound, quote, instead)
    degrade = choice.degrade if any(budget.degrading for budget in budgets) else None
    reserved = await _reserved(call, accounts, at, lambda: choice.need, degrade=degrade)
    degraded = {"degraded": choice.degraded} if choice.degraded else {}
    call.trace.note("quota", started, max_tokens=reserved.output_tokens, **degraded)
    zone = call.caller.tenant.timezone
    stake = Stake(budgets, zone, at, choice.need.quote, reserved.output_tokens) if call.is_streaming else None
    held = replace(choice.need, most_output=reserved.output_tokens)
    return replace(_admitted(choice, reserved), stake=stake, need=held)


async def extend(
    before: Admitted,
    call: CleanCall,
    accounts: Accounts,
    quote: Callable[[Outbound], Quote],
    *,
    at: datetime,
    written: int,
) -> Admitted:
    """The call as its upstream is asked once more, when it has written so many tokens: the same model, the same output
    in all. Its longer prompt is reserved on top. Raises BudgetSpent, Unavailable."""
    # In the document itself: what marks a prompt for the upstream comes after this.
    lowered = replace(call, document=call.document.edit(_room(call, left(before, written))))
    body = lowered.document.edit({("model",): before.outbound.sent_as}).raw
    outbound = replace(before.outbound, call=lowered, body=body)
    before = replace(before, most_output=_most_output(before))
    if before.need is None:
        return replace(before, outbound=outbound)
    started = time.perf_counter()
    own = _need(call, quote(outbound))
    need = before.need.grown(own.quote, own.input_nano, own.input_tokens)
    growth = Growth(before.need, need)
    await _reserved(call, accounts, at, lambda: growth)
    call.trace.note("quota", started, more_input_tokens=own.input_tokens)
    stake = replace(before.stake, quote=need.quote) if before.stake is not None else None
    return replace(before, outbound=outbound, stake=stake, need=need)


async def _reserved(
    call: CleanCall,
    accounts: Accounts,
    at: datetime,
    need: Callable[[], Need | Growth],
    *,
    degrade: Degrade | None = None,
) -> Reserved:
    """What was reserved of all budgets; `need` is asked again after it was degraded. Raises as `reserve`."""
    started = time.perf_counter()
    caller = call.caller
    budgets = [*caller.budgets, *caller.tenant.budgets]
    try:
        reserved = await accounts.reserve(
            call.inbound.request_id, budgets, caller.tenant.timezone, at, need(), degrade=degrade
        )
    except AccountsDown:
        raise Unavailable("The gateway cannot check budgets at the moment. Try again shortly.") from None
    if reserved.short is not None:
        lacking = reserved.short.budget
        whose = "key" if lacking.owner_id == caller.key_id else "tenant"
        call.trace.note("quota", started, short=f"{lacking.unit} {lacking.period}", of=whose)
        raise _refusal(call, reserved.short, reserved.standings, need())
    return reserved


def left(admitted: Admitted, written: int) -> int:
    """What a further round may write, in tokens; 0 where that is too little for the model to think in."""
    least = _LEAST_THINKING + 1 if _thinking_budget(admitted.outbound.call) is not None else 1
    rest = _most_output(admitted) - written
    return rest if rest >= least else 0


def _most_output(admitted: Admitted) -> int:
    """What all rounds together may write."""
    if admitted.most_output is not None:
        return admitted.most_output
    asked = admitted.outbound.call.document.get("max_tokens") or 0
    return asked if admitted.max_tokens is None else admitted.max_tokens


def _admitted(choice: _Choice, reserved: Reserved) -> Admitted:
    outbound, output = choice.outbound, reserved.output_tokens
    if output >= (outbound.call.document.get("max_tokens") or 0):
        return Admitted(outbound, reserved.standings, degraded=choice.degraded)
    return Admitted(_lowered(outbound, output), reserved.standings, output, choice.degraded)


def _need(call: Call, quote: Quote) -> Need:
    document = call.document
    asked = min(document.get("max_tokens") or 0, _MOST_OUTPUT)
    least = _LEAST_WITH_THINKING if _thinking_budget(call) else _LEAST_OUTPUT
    input_nano = quote.input_nano
    if b'"cache_control"' in document.raw:
        written = quote.cache_write_1h_nano if b'"1h"' in document.raw else quote.cache_write_5m_nano
        input_nano = max(input_nano, written)
    return Need(quote, input_nano, estimate.most_input_tokens(document), min(asked, least), asked)


def _thinking_budget(call: Call) -> int | None:
    thinking = call.document.get("thinking")
    budget = thinking.get("budget_tokens") if isinstance(thinking, dict) else None
    return budget if type(budget) is int else None


def _lowered(outbound: Outbound, max_tokens: int) -> Outbound:
    """The same body but for `max_tokens`, and a thinking budget that would not fit into it."""
    changes: dict[Path, Leaf] = {("model",): outbound.sent_as, **_room(outbound.call, max_tokens)}
    return replace(outbound, body=outbound.call.document.edit(changes).raw)


def _room(call: Call, max_tokens: int) -> dict[Path, Leaf]:
    changes: dict[Path, Leaf] = {("max_tokens",): max_tokens}
    thinking = _thinking_budget(call)
    if thinking is not None and thinking >= max_tokens:
        changes["thinking", "budget_tokens"] = max(max_tokens // 2, _LEAST_THINKING)
    return changes


def _refusal(call: Call, short: Standing, standings: Sequence[Standing], need: Need | Growth) -> BudgetSpent:
    budget = short.budget
    whose = "This key" if budget.owner_id == call.caller.key_id else f"The tenant {call.caller.tenant.slug}"
    whole = _whole(short, call)
    if short.spent >= budget.amount or budget.unit == "requests":  # there is no part of a request
        text = f"{whose} has used its {whole}."
    else:
        least = words.amount(budget.unit, need.amount(budget.unit, need.least_output))
        left = words.amount(budget.unit, max(short.free, 0))
        text = f"{whose} has {left} left of its {whole}; this request may use {least}."
        if short.held:
            text += f" Requests under way hold {words.amount(budget.unit, short.held)} until they end."
    headers = unified.headers(standings, rejected=short)
    if short.ends_at is None:
        text += " It does not reset by itself."
    else:
        text += f" It resets on {words.moment(short.ends_at, call.caller.tenant.timezone)}."
        headers["retry-after"] = str(max(math.ceil((short.ends_at - datetime.now(UTC)).total_seconds()), 1))
    return BudgetSpent(f"{text} Ask whoever manages your keys for more.", headers=headers)


def _whole(standing: Standing, call: Call) -> str:
    """`$20 for November`."""
    budget = standing.budget
    period = words.period(budget.period, datetime.now(UTC), call.caller.tenant.timezone)
    return f"{words.amount(budget.unit, budget.amount)} {period}"
