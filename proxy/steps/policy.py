"""Check, rewrite and filter: what a tenant's policy and the platform's above it let be asked, answered and done."""

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from proxy.call import Call, Headers
from proxy.errors import Refused, Unavailable
from proxy.formats import texts
from proxy.formats.splice import Path
from proxy.formats.texts import Leaf, Texts
from proxy.privacy.scanning import Source
from proxy.rules import detectors, requests, tools
from proxy.rules.policy import Match, Policy
from proxy.rules.rule import Action, Place, Rule
from proxy.rules.watching import Watch
from proxy.rules.weighing import NotWeighed
from proxy.rules.weighing.answers import Weighed
from proxy.rules.weighing.asking import Asking
from proxy.rules.weighing.scales import Scales
from proxy.rules.windows import REPLACEMENT
from proxy.stream import Chain, Filter

_LONG_BYTES = 16 * 1024  # more is judged in a thread where detectors read: it would hold the event loop
_ASKED = frozenset((Place.REQUEST, Place.TOOLS, Place.TOOL_RESULTS))
_ANSWERED = frozenset((Place.RESPONSE, Place.TOOL_USE))
_UNTRUSTED = frozenset(("tool_result", "document"))


class PolicyBlocked(Refused):
    """A rule forbids it. The message is the rule's own; the header names the rule."""

    status = 451  # clients show its message after one request; to a 400 they send other forms of the same
    type = "invalid_request_error"

    def __init__(self, rule: Rule) -> None:
        super().__init__(rule.message, headers={"x-should-retry": "false", "x-llmp-policy-rule": rule.name})


class PolicyUnavailable(Unavailable):
    """A detector could not be asked, and the rule lets nothing through that was not judged."""


@dataclass(slots=True)
class Judged:
    """A call that may go on, and what its answer is watched by."""

    call: Call
    watch: Filter = field(default_factory=Chain)
    fitting: list[dict[str, Any]] = field(default_factory=list)
    pending: Sequence[Rule] = ()  # those that fit, if the personal data they ask for is found
    asking: Sequence[Rule] = ()  # those whose detectors are asked later: about what leaves, or about the answer
    scales: Scales | None = None

    def check_found(self, types: Iterable[str]) -> None:
        """Ask the rules about the types of personal data that were found. Raises PolicyBlocked."""
        found = set(types)
        started = time.perf_counter()
        for rule in self.pending:
            if rule.pii & found:
                _note(self.fitting, rule, Place.REQUEST)
                if rule.is_enforced and rule.action is Action.BLOCK:
                    self.call.trace.note("policy_pii", started, rules=[rule.name], blocked=rule.name)
                    raise PolicyBlocked(rule)

    async def check_clean(self, call: Call, types: Iterable[str], scales: Scales) -> None:
        """The same, then ask the detectors about the texts as they leave. Raises PolicyBlocked, PolicyUnavailable."""
        self.check_found(types)
        self.scales = scales
        rules = [rule for rule in self.asking if rule.asked is not None and rule.places & _ASKED]
        if not rules:
            return
        started = time.perf_counter()
        given = [(requests.place_of(leaf), leaf.text) for leaf in texts.of_request(call.document.value).leaves]
        fits: list[dict[str, Any]] = []
        try:
            blocking = await self._asking(rules, fits, scales).blocking(given)
        finally:
            self.fitting += fits
            call.trace.note("policy_detectors", started, rules=fits)
        if blocking is not None:
            raise PolicyBlocked(blocking)

    def weighed(self, searched: Callable[[Source], Source]) -> Callable[[Source], Source]:
        """The answer held back until detectors have read it, where a rule asks them."""
        rules = [rule for rule in self.asking if rule.places & _ANSWERED]
        scales, guard = self.scales, self.watch
        if not rules or scales is None or not isinstance(guard, Watch):
            return searched
        fits: list[dict[str, Any]] = []
        asking = self._asking(rules, fits, scales)

        async def weigh(kind: str, given: Sequence[str]) -> Callable[[], None] | None:
            place, known = Place.TOOL_USE if kind == "tool" else Place.RESPONSE, len(fits)
            blocking = await asking.blocking([(place, text) for text in given])
            if fits and not known:
                self.call.trace.note("policy_answer_detectors", time.perf_counter(), rules=fits)
            return partial(guard.forbid, blocking) if blocking is not None else None

        holds = any(rule.is_enforced and rule.action is Action.BLOCK for rule in rules)
        return lambda answer: Weighed(searched(answer), weigh, holds=holds)

    def _asking(self, rules: Sequence[Rule], fits: list[dict[str, Any]], scales: Scales) -> Asking:
        def note(rule: Rule, place: Place, score: float) -> None:
            if not any(_is_of(fit, rule, place) for fit in fits):
                _note(fits, rule, place)
                fits[-1]["score"] = round(score, 2)

        return Asking(rules, self.call.caller.tenant, scales, note, self._fail)

    def _fail(self, rule: Rule, failed: NotWeighed) -> None:
        self.call.trace.note("policy_not_judged", time.perf_counter(), rule=rule.name, reason=str(failed))
        is_open = rule.asked is None or rule.asked.fails_open
        if not is_open and rule.is_enforced and rule.action is Action.BLOCK:
            raise PolicyUnavailable(f"Your organisation's policy ({rule.name}) could not be asked. {failed}")

    def headers(self, headers: Headers) -> Headers:
        """The reply's headers, with the rules that fitted the request."""
        names = sorted({fit["rule"] for fit in self.fitting})
        return [*headers, (b"x-llmp-policy", ", ".join(names).encode())] if names else headers


def judge(call: Call) -> Judged:
    """Ask the rules about a request; what is covered up or routed elsewhere is changed. Raises PolicyBlocked."""
    policy = call.caller.tenant.policy
    if policy is None:
        return Judged(call)
    started = time.perf_counter()
    judged = Judged(call)
    request = _Request(call, policy)
    pending: list[Rule] = []
    blocking: Rule | None = None
    try:
        for rule in request.applying:
            matches = request.matches(rule)
            if matches is None:
                continue
            if rule.pii:
                pending.append(rule)
                continue
            _note(judged.fitting, rule, *matches)
            if not rule.is_enforced:
                continue
            if rule.action is Action.BLOCK:
                blocking = rule
                raise PolicyBlocked(rule)
            if rule.action is Action.ALLOW:
                request.allow(rule)
            elif rule.action is Action.REDACT:
                request.redact(rule)
            elif rule.action is Action.ROUTE:
                request.route_to = request.route_to or rule.route_to
    finally:
        facts = {"blocked": blocking.name} if blocking else {}
        call.trace.note("policy", started, rules=judged.fitting, **facts)
    judged.pending = pending
    judged.asking = [rule for rule in request.applying if request.asks_for(rule)]
    judged.call = request.edited()
    judged.watch = _watch(call, policy, request)
    return judged


async def judge_apart(call: Call) -> Judged:
    """The same, of long texts in a thread where it takes milliseconds. Raises PolicyBlocked."""
    policy = call.caller.tenant.policy
    if policy is not None and policy.judges_at_length and len(call.document.raw) > _LONG_BYTES:
        return await asyncio.to_thread(judge, call)
    return judge(call)


class _Request:
    """What the rules ask about one request, found out when the first of them asks."""

    def __init__(self, call: Call, policy: Policy) -> None:
        self._call = call
        self._policy = policy
        self._read: Texts | None = None
        self._by_rule: dict[str, list[tuple[Leaf, Match]]] | None = None
        self._covered: dict[Path, list[tuple[int, int]]] = {}
        self._texts: dict[Path, str] = {}
        self._allowed_platform: bool | None = None
        self.route_to = ""
        metadata = call.caller.metadata
        self._rules = [
            rule
            for rule in policy.rules
            if all(metadata.get(name) == value for name, value in rule.metadata.items()) and self._trusts(rule)
        ]

    @property
    def applying(self) -> Iterable[Rule]:
        """The rules that hold for this call, in order; none of a policy after one of its own allowed the call."""
        for rule in self._rules:
            if self._allowed_platform is None or rule.is_platform != self._allowed_platform:
                yield rule

    def matches(self, rule: Rule) -> list[Place] | None:
        """Where the rule fits the request, its types of personal data left open; None where it does not."""
        if rule.asked or not self._fits_call(rule):
            return None
        places = self._text_places(rule) + self._tool_places(rule)
        if rule.reads_text or rule.tool_names is not None:
            return places or None
        return [Place.REQUEST] if Place.REQUEST in rule.places else None

    def asks_for(self, rule: Rule) -> bool:
        """Whether the rule's detector is to be asked later: about what leaves, or about the answer."""
        return bool(rule.asked or (rule.detector and rule.places & _ANSWERED)) and self._fits_call(rule)

    def allow(self, rule: Rule) -> None:
        """Ask no more rules of this one's policy."""
        self._allowed_platform = rule.is_platform

    def redact(self, rule: Rule) -> None:
        """Cover up what the rule found."""
        for leaf, match in self._found().get(rule.key, ()):
            self._texts[leaf.path] = leaf.text
            self._covered.setdefault(leaf.path, []).extend(match.spans)

    def edited(self) -> Call:
        """The call with what is covered up, and with the model it is routed to."""
        changes: dict[Path, Any] = {path: _covered(self._texts[path], spans) for path, spans in self._covered.items()}
        model = self._call.model
        if self.route_to:
            changes["model",] = model = self.route_to
        if not changes:
            return self._call
        return replace(self._call, document=self._call.document.edit(changes), model=model)

    def _fits_call(self, rule: Rule) -> bool:
        if rule.models is None and rule.max_tokens_over is None and not rule.attachments:
            return True
        return requests.fits(rule, self._call.model, self._call.document.value, self._all().attachments)

    def _text_places(self, rule: Rule) -> list[Place]:
        places = dict.fromkeys(requests.place_of(leaf) for leaf, _match in self._found().get(rule.key, ()))
        return [place for place in places if requests.reads(rule, place)]

    def _tool_places(self, rule: Rule) -> list[Place]:
        if Place.TOOLS not in rule.places or rule.weighs:
            return []
        offered = self._call.document.get("tools")
        is_offered = any(tools.offered(rule, tool) for tool in (offered if isinstance(offered, list) else ()))
        return [Place.TOOLS] if is_offered else []

    def _trusts(self, rule: Rule) -> bool:
        """Rules for what follows untrusted orders hold only where the request carries such."""
        return not rule.after_untrusted or any(
            detectors.reads_like_orders(leaf.text) for leaf in self._all().leaves if leaf.place in _UNTRUSTED
        )

    def _all(self) -> Texts:
        if self._read is None:
            self._read = texts.of_request(self._call.document.value)
        return self._read

    def _found(self) -> dict[str, list[tuple[Leaf, Match]]]:
        if self._by_rule is None:
            self._by_rule = {}
            for leaf in self._all().leaves:
                for match in self._policy.reader(requests.place_of(leaf)).judge(leaf.text):
                    self._by_rule.setdefault(match.rule.key, []).append((leaf, match))
        return self._by_rule


def _covered(text: str, spans: Sequence[tuple[int, int]]) -> str:
    pieces: list[str] = []
    at = 0
    for start, end in sorted(spans):
        if start >= at:
            pieces += text[at:start], REPLACEMENT
        at = max(at, end)
    return "".join([*pieces, text[at:]])


def _is_of(fit: dict[str, Any], rule: Rule, place: Place) -> bool:
    is_same = fit["rule"] == rule.name and (fit.get("level") == "platform") == rule.is_platform
    return is_same and fit["place"] == place.value


def _watch(call: Call, policy: Policy, request: _Request) -> Filter:
    rules = [rule for rule in request.applying if rule.places & {Place.RESPONSE, Place.TOOL_USE}]
    if not rules:
        return Chain()
    fitting: list[dict[str, Any]] = []

    def note(rule: Rule, place: Place) -> None:
        if not fitting:
            call.trace.note("policy_answer", time.perf_counter(), rules=fitting)
        _note(fitting, rule, place)

    return Watch(policy, note, PolicyBlocked, applies=rules)


def _note(fitting: list[dict[str, Any]], rule: Rule, *places: Place) -> None:
    for place in places:
        level = {"level": "platform"} if rule.is_platform else {}
        fitting.append(
            {
                "rule": rule.name,
                **level,
                "action": rule.action.value,
                "mode": "enforce" if rule.is_enforced else "monitor",
                "place": place.value,
                "severity": rule.severity,
            }
        )
