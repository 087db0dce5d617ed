"""Check, rewrite and filter: what a tenant's policy and the platform's above it let be asked, answered and done."""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from proxy.call import Call, Headers
from proxy.errors import Refused
from proxy.formats import texts
from proxy.formats.splice import Path
from proxy.formats.texts import Leaf, Texts
from proxy.rules import detectors, requests, tools
from proxy.rules.policy import Match, Policy
from proxy.rules.rule import Action, Place, Rule
from proxy.rules.watching import Watch
from proxy.rules.windows import REPLACEMENT
from proxy.stream import Chain, Filter

_UNTRUSTED = frozenset(("tool_result", "document"))


class PolicyBlocked(Refused):
    """A rule forbids it. The message is the rule's own; the header names the rule."""

    status = 451  # clients show its message after one request; to a 400 they send other forms of the same
    type = "invalid_request_error"

    def __init__(self, rule: Rule) -> None:
        super().__init__(rule.message, headers={"x-should-retry": "false", "x-llmp-policy-rule": rule.name})


@dataclass(slots=True)
class Judged:
    """A call that may go on, and what its answer is watched by."""

    call: Call
    watch: Filter = field(default_factory=Chain)
    fitting: list[dict[str, Any]] = field(default_factory=list)
    pending: Sequence[Rule] = ()  # those that fit, if the personal data they ask for is found

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
    judged.call = request.edited()
    judged.watch = _watch(call, policy, request)
    return judged


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
        if not self._fits_call(rule):
            return None
        places = self._text_places(rule) + self._tool_places(rule)
        if rule.reads_text or rule.tool_names is not None:
            return places or None
        return [Place.REQUEST] if Place.REQUEST in rule.places else None

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
        if Place.TOOLS not in rule.places or rule.detector:
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
