"""Hold: a kept answer instead of the upstream's, and the upstream's kept for who asks the same again.

A client may say `x-llmp-cache: bypass` (neither look nor keep), `refresh` (ask anew, and keep that), `only` (a kept
answer or none) or `exact` (none of a question that is merely like this one). Replies say `hit`, `semantic-hit`, `miss`,
`bypass` or `refresh`, and of a hit its age, entry and saving, of a semantic one its score.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from proxy.answers import question
from proxy.answers.assembling import Assemble
from proxy.answers.cache import Cache, Found, Label
from proxy.answers.likeness.around import Around
from proxy.answers.question import IsPlaceholder, Question, Setting
from proxy.answers.replay import Replay
from proxy.call import CacheRules, Headers, LikenessRules, Outbound
from proxy.errors import InvalidRequest, Refused
from proxy.formats.usage import Usage
from proxy.ledger import prices
from proxy.ledger.meter import Meter
from proxy.stream import Chain, Filter

_CONTROLS = ("", "bypass", "refresh", "only", "exact")
_WHOLE = frozenset(("end_turn", "stop_sequence", "max_tokens", "tool_use"))
"""Why a message ended that would end the same way if it were asked again."""
_LONGEST_TAG = 100


class NothingKept(Refused):
    """The client wants a kept answer or none, and there is none. RFC 9111 §5.2.1.7 gives the status."""

    status = 504
    type = "timeout_error"
    headers = {"x-should-retry": "false", "x-llmp-cache": "miss"}


@dataclass(frozen=True, slots=True)
class Asked:
    """What a call asks, and what its client wants of the cache. No question: nothing is looked up or kept."""

    outbound: Outbound
    control: str
    question: Question | None = None


def ask(outbound: Outbound, owns: IsPlaceholder) -> Asked:
    """The question of a call whose tenant keeps answers. Raises InvalidRequest for an unknown `x-llmp-cache`."""
    call = outbound.call
    control = call.inbound.get(b"x-llmp-cache").strip().lower()
    if control not in _CONTROLS:
        raise InvalidRequest("x-llmp-cache: must be bypass, refresh, only or exact")
    rules = call.caller.cache
    if rules is None or call.endpoint != "messages":
        return Asked(outbound, control)
    started = time.perf_counter()
    reason, setting = _why_not(outbound, rules), _setting(outbound)
    try:
        asked = None if reason else question.of(call.document.value, setting, rules.secret, owns)
    except question.NotComparable:
        asked, reason = None, "a number of too many digits"
    if asked is None:
        call.trace.note("cache", started, not_kept=reason)
        return Asked(outbound, control)
    call.trace.note(
        "cache",
        started,
        key=asked.key.hex()[:16],
        parts={
            "model": setting.model,
            "upstream": outbound.upstream.name,
            "version": setting.version,
            "betas": setting.betas,
            "placeholders": len(asked.placeholders),
        },
    )
    return Asked(outbound, control, asked)


def _why_not(outbound: Outbound, rules: CacheRules) -> str:
    return question.why_not(
        outbound.call.document.value, keeps_tool_results=rules.keeps_tool_results, keeps_sampled=rules.keeps_sampled
    )


def _setting(outbound: Outbound) -> Setting:
    call = outbound.call
    return Setting(
        tenant_id=call.caller.tenant.id,
        upstream_kind=outbound.upstream.kind,
        upstream_id=outbound.upstream.id,
        model=outbound.sent_as,
        version=call.inbound.get(b"anthropic-version"),
        betas=_betas(outbound),
        query=call.inbound.query,
        policy=call.caller.tenant.policy.fingerprint if call.caller.tenant.policy else b"",
    )


def _betas(outbound: Outbound) -> list[str]:
    given = b",".join(outbound.call.inbound.all(b"anthropic-beta")).decode("latin-1")
    return sorted({beta.strip() for beta in given.split(",") if beta.strip()})


class lookup:
    """One call's look into the cache. `answer` is what was found; `filter` takes down what the upstream says."""

    def __init__(self, asked: Asked, cache: Cache, meter: Meter, price_of: Callable[[Usage], prices.Quote]) -> None:
        self._asked = asked
        self._cache = cache
        self._meter = meter
        self._price_of = price_of
        self._call = asked.outbound.call
        self._caller = self._call.caller
        self._flight = cache.flights.join(asked.question.key if asked.question else b"")
        self._found: Found | None = None
        self._around = Around()
        self._state = ""
        self._taken: Assemble | None = None
        self.answer: Replay | None = None

    async def __aenter__(self) -> "lookup":
        asked = self._asked
        if asked.question is not None and asked.control != "bypass":
            await self._look(asked.question)
        elif asked.question is not None:
            self._state = "bypass"
        if self._found is None and asked.control == "only":
            raise NothingKept("Nothing is kept for this request, and x-llmp-cache: only asks for nothing else.")
        return self

    async def _look(self, asked: Question) -> None:
        started = time.perf_counter()
        self._state = self._asked.control if self._asked.control == "refresh" else "miss"
        if self._state == "miss":
            self._found = await self._find(asked)
        found = self._found
        if found is None:
            self._call.trace.note("cache_lookup", started, state=self._state, **self._compared())
            return
        self._state = "hit" if found.score is None else "semantic-hit"
        self._meter.count_nothing()
        self.answer = Replay(found.raw, is_stream=self._call.is_streaming)
        self._call.trace.note(
            "cache_lookup",
            started,
            state=self._state,
            entry=found.id,
            age_seconds=round(found.age_seconds),
            saved_nano_usd=found.saved_nano_usd,
            **self._compared(),
        )

    def _compared(self) -> dict[str, Any]:
        """What the trace says of like questions, where they were looked for."""
        around = self._around
        facts = {"compared": around.compared, "score": around.score, "not_same": around.why_not}
        return {name: value for name, value in facts.items() if value} if self._rules_of_likeness() else {}

    async def _find(self, asked: Question) -> Found | None:
        rules, tenant_id = self._caller.cache, self._caller.tenant.id
        patience = self._asked.outbound.upstream.read_timeout_seconds
        is_first = True
        while True:
            found = await self._cache.find(tenant_id, asked)
            if found is None and is_first:
                found = await self._find_like(asked)
            is_first = False
            if found is not None or rules is None or not rules.is_single_flight or self._asked.control == "only":
                return found
            if not await self._flight.wait(patience):
                return None

    async def _find_like(self, asked: Question) -> Found | None:
        rules = self._rules_of_likeness()
        if rules is None:
            return None
        self._around = await self._cache.look_around(self._caller.tenant.id, asked, rules)
        if self._asked.control == "exact":  # kept with its likeness all the same
            self._around = Around(self._around.likeness, why_not="not wanted")
        return await self._cache.of_like(self._caller.tenant.id, asked, self._around)

    def _rules_of_likeness(self) -> LikenessRules | None:
        return self._caller.cache.likeness if self._caller.cache else None

    def filter(self, sent: Outbound) -> Filter:
        """What takes down the answer, where it is the one that was asked for: a lowered request has another."""
        if self._asked.question is None or self._state not in ("miss", "refresh") or sent is not self._asked.outbound:
            return Chain()
        self._taken = Assemble()
        return self._taken

    def headers(self, headers: Headers) -> Headers:
        """The reply's headers, with what the cache did."""
        if not self._state:
            return headers
        own = [(b"x-llmp-cache", self._state.encode())]
        if self._found is not None:
            own.append((b"x-llmp-cache-age", str(round(self._found.age_seconds)).encode()))
            own.append((b"x-llmp-cache-id", self._found.id.encode()))
            if self._found.score is not None:
                own.append((b"x-llmp-cache-score", f"{self._found.score:.3f}".encode()))
            own.append((b"x-llmp-cache-saved-usd", f"{self._found.saved_nano_usd / 1e9:.9f}".encode()))
        return [*headers, *own]

    async def __aexit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, _where: TracebackType | None
    ) -> None:
        try:
            if error is None and self._taken is not None:
                await self._keep(self._taken)
        finally:
            self._flight.land()

    async def _keep(self, taken: Assemble) -> None:
        asked = self._asked.question
        if asked is None or taken.message is None or taken.message.get("stop_reason") not in _WHOLE:
            return
        if self._meter.rounds > 1:  # documents were searched for it, and may say something else by then
            return
        usage = self._meter.usage
        label = Label(
            model=self._asked.outbound.model,
            tag=self._call.inbound.get(b"x-llmp-cache-tag")[:_LONGEST_TAG],
            cost_nano_usd=prices.cost_nano_usd(usage, self._price_of(usage)),
        )
        rules = self._rules_of_likeness()
        if rules is not None and self._around.likeness is None:  # not looked for, or the model was still being opened
            self._around = await self._cache.look_around(self._caller.tenant.id, asked, rules)
        await self._cache.keep(self._caller, asked, taken.raw, label, self._around.likeness)
