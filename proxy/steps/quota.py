"""Rewrite: reserve what the call may cost from every budget, and lower `max_tokens` to what there is room for.

What is reserved here is settled with the call's record (ledger/budgets/settling.py), however the call ends.
"""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from proxy.call import Call, Headers, Outbound
from proxy.errors import Refused, Unavailable
from proxy.formats import estimate
from proxy.ledger.budgets import periods, words
from proxy.ledger.budgets.accounts import Accounts, AccountsDown
from proxy.ledger.budgets.need import Need
from proxy.ledger.budgets.reserving import Standing
from proxy.ledger.prices import Quote

_LEAST_OUTPUT = 256  # less is no answer
_LEAST_WITH_THINKING = 2048  # the API thinks in no fewer than 1,024 tokens, and must answer too
_LEAST_THINKING = 1024
_WARN_AT = 0.75


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

    def headers(self, headers: Headers) -> Headers:
        """The reply's headers, with the tightest budget's state where clients look for it."""
        if not self.standings:
            return headers
        own = [(name.encode(), value.encode()) for name, value in _unified(self.standings).items()]
        if self.max_tokens is not None:
            own.append((b"x-llmp-max-tokens", str(self.max_tokens).encode()))
        own += [(b"x-llmp-budget-warning", words.encode()) for words in self._warnings()]
        kept = [item for item in headers if not item[0].startswith(b"anthropic-ratelimit-unified-")]
        return [*kept, *own]

    def _warnings(self) -> Iterator[str]:
        for standing in self.standings:
            if not standing.budget.is_blocking and standing.spent >= standing.budget.amount:
                yield f"{_whole(standing, self.outbound.call)} used"


async def reserve(outbound: Outbound, accounts: Accounts, quote: Callable[[Outbound], Quote], at: datetime) -> Admitted:
    """Raises BudgetSpent, and Unavailable where budgets cannot be asked."""
    call = outbound.call
    budgets = [*call.caller.budgets, *call.caller.tenant.budgets]
    if not budgets or call.endpoint != "messages":  # counting tokens costs nothing
        return Admitted(outbound)
    started = time.perf_counter()
    need = _need(call, quote(outbound))
    zone = call.caller.tenant.timezone
    try:
        reserved = await accounts.reserve(call.inbound.request_id, budgets, zone, at, need)
    except AccountsDown:
        raise Unavailable("The gateway cannot check budgets at the moment. Try again shortly.") from None
    if reserved.short is not None:
        lacking = reserved.short.budget
        whose = "key" if lacking.owner_id == call.caller.key_id else "tenant"
        call.trace.note("quota", started, short=f"{lacking.unit} {lacking.period}", of=whose)
        raise _refusal(call, reserved.short, reserved.standings, need)
    call.trace.note("quota", started, max_tokens=reserved.output_tokens)
    if reserved.output_tokens >= need.most_output:
        return Admitted(outbound, reserved.standings)
    return Admitted(_lowered(outbound, reserved.output_tokens), reserved.standings, reserved.output_tokens)


def _need(call: Call, quote: Quote) -> Need:
    document = call.document
    asked = document.get("max_tokens") or 0
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
    call = outbound.call
    changes: dict[tuple[str | int, ...], str | int] = {("model",): outbound.sent_as, ("max_tokens",): max_tokens}
    thinking = _thinking_budget(call)
    if thinking is not None and thinking >= max_tokens:
        changes["thinking", "budget_tokens"] = max(max_tokens // 2, _LEAST_THINKING)
    return replace(outbound, body=call.document.edit(changes).raw)


def _refusal(call: Call, short: Standing, standings: Sequence[Standing], need: Need) -> BudgetSpent:
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
    headers = _unified(standings, rejected=short)
    if short.ends_at is None:
        text += " It does not reset by itself."
    else:
        text += f" It resets on {words.moment(short.ends_at, call.caller.tenant.timezone)}."
        headers["retry-after"] = str(max(math.ceil((short.ends_at - datetime.now(UTC)).total_seconds()), 1))
    return BudgetSpent(f"{text} Ask whoever manages your keys for more.", headers=headers)


def _unified(standings: Sequence[Standing], rejected: Standing | None = None) -> dict[str, str]:
    """Anthropic's headers for the tightest blocking budget: Claude Code warns by them."""
    blocking = [standing for standing in standings if standing.budget.is_blocking]
    if not blocking:
        return {}
    tightest = rejected or max(blocking, key=lambda standing: standing.utilization)
    is_short_term = tightest.budget.period in (periods.MINUTE, periods.HOUR, periods.DAY)
    claim, window = ("five_hour", "5h") if is_short_term else ("seven_day", "7d")
    used = min(tightest.utilization, 1.0)
    status = "rejected" if rejected else "allowed_warning" if used >= _WARN_AT else "allowed"
    prefix = "anthropic-ratelimit-unified"
    shown = {
        f"{prefix}-status": status,
        f"{prefix}-representative-claim": claim,
        f"{prefix}-{window}-status": status,
        f"{prefix}-{window}-utilization": f"{used:.4f}",
    }
    if tightest.ends_at is not None:
        reset = str(int(tightest.ends_at.timestamp()))
        shown |= {f"{prefix}-reset": reset, f"{prefix}-{window}-reset": reset}
    return shown


def _whole(standing: Standing, call: Call) -> str:
    """`$20 for November`."""
    budget = standing.budget
    period = words.period(budget.period, datetime.now(UTC), call.caller.tenant.timezone)
    return f"{words.amount(budget.unit, budget.amount)} {period}"
