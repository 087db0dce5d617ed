"""Each rule of a policy, proved: its canaries go every way there is, and what comes of them is held against it."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from proxy.ledger.prices import PriceBook
from proxy.privacy import compiling
from proxy.privacy.rules import Mode
from proxy.proving import bench, canaries, planting
from proxy.proving.bench import Bench, Seen
from proxy.proving.canaries import Canary, CannotProve
from proxy.rules.compiling import compiled
from proxy.rules.rule import Action, Place, Rule

_MESSAGES, _COUNTED = "/v1/messages", "/v1/messages/count_tokens"
_ASKED = frozenset((Place.REQUEST, Place.TOOL_RESULTS, Place.TOOLS))
PASS, FAIL, UNREACHED, UNPROVEN = "pass", "fail", "unreached", "unproven"


@dataclass(frozen=True, slots=True)
class Way:
    """How a canary is sent."""

    name: str
    path: str
    stream: bool = False
    cuts: bool = False


WAYS = (
    Way("whole", _MESSAGES),
    Way("stream", _MESSAGES, stream=True),
    Way("stream, byte by byte", _MESSAGES, stream=True, cuts=True),
    Way("count_tokens", _COUNTED),
)


@dataclass(frozen=True, slots=True)
class Check:
    """One rule in one place by one way."""

    rule: str
    level: str  # "tenant" | "platform"
    place: str
    way: str
    verdict: str  # "pass" | "fail" | "unreached": a rule above it decides | "unproven": no canary can be made
    why: str = ""


@dataclass(frozen=True, slots=True)
class Proof:
    """What came of all canaries."""

    checks: Sequence[Check]

    @property
    def counts(self) -> dict[str, int]:
        """How many checks came to which verdict."""
        return dict(Counter(check.verdict for check in self.checks))

    @property
    def by_rule(self) -> list[tuple[str, str, str, list[Check]]]:
        """(name, level, verdict, checks) of each rule, the worst verdict standing for all."""
        rules: dict[tuple[str, str], list[Check]] = {}
        for check in self.checks:
            rules.setdefault((check.rule, check.level), []).append(check)
        worst = {verdict: place for place, verdict in enumerate((FAIL, UNPROVEN, UNREACHED, PASS))}
        return [
            (name, level, min((check.verdict for check in checks), key=worst.__getitem__), checks)
            for (name, level), checks in rules.items()
        ]


LooksFor = Callable[[str], bool]
"""Whether a tenant's privacy settings look for a type of personal data."""


def looks_for_all(_entity_type: str) -> bool:
    """As if everything were looked for: the platform's rules alone have no privacy settings."""
    return True


def looked_for(settings: Mapping[str, Any]) -> LooksFor:
    """What a tenant's privacy settings look for in requests."""
    rules = compiling.compiled(settings, {})
    return lambda entity_type: rules is not None and rules.mode_of(entity_type) is not Mode.OFF


async def prove(
    platform: Mapping[str, Any],
    tenant: Mapping[str, Any],
    *,
    prices: PriceBook | None = None,
    looks_for: LooksFor = looks_for_all,
    part: slice = slice(None),
) -> Proof:
    """Every rule of both policies, or a part of them, as they stand together.

    `prices` spare the log warnings of models without one.
    """
    policy = compiled(platform, tenant)
    if policy is None:
        return Proof([])
    written = [*platform.get("rules", []), *tenant.get("rules", [])]
    book = prices or PriceBook([])
    checks: list[Check] = []
    async with (
        bench.opened(policy, book, detector=planting.Planted()) as ready,
        bench.opened(policy, book, privacy=planting.WATCHED, detector=planting.Planted()) as finding,
    ):
        for given, rule in list(zip(written, policy.rules, strict=True))[part]:
            checks += await _of_rule(finding if rule.pii else ready, given, rule, policy.rules, looks_for)
    return Proof(checks)


async def _of_rule(
    ready: Bench, given: Mapping[str, Any], rule: Rule, rules: Sequence[Rule], looks_for: LooksFor
) -> list[Check]:
    level = "platform" if rule.is_platform else "tenant"
    try:
        made = list(canaries.of(given, rule))
    except CannotProve as missing:
        return [Check(rule.name, level, "", "", UNPROVEN, str(missing))]
    checks = []
    for canary in made:
        if canary.entity_type and not looks_for(canary.entity_type):
            why = f"privacy does not look for {canary.entity_type}: switch it on there, to watch at least"
            checks.append(Check(rule.name, level, canary.place.value, canary.entity_type, FAIL, why))
            continue
        for way in WAYS:
            if way.path == _MESSAGES or (canary.place in _ASKED and rule.max_tokens_over is None):
                verdict, why = await _checked(ready, rule, canary, way, rules)
                told = f"{canary.entity_type}: {why}" if why and canary.entity_type else why
                checks.append(Check(rule.name, level, canary.place.value, way.name, verdict, told))
    return checks


async def _checked(ready: Bench, rule: Rule, canary: Canary, way: Way, rules: Sequence[Rule]) -> tuple[str, str]:
    seen = await ready.send(canary, path=way.path, stream=way.stream, cuts=way.cuts, metadata=rule.metadata)
    if not any(_is_of(fit, rule, canary.place) for fit in seen.fits):
        above = _deciding(seen, rule, rules)
        return (UNREACHED, f"{above} decides first") if above else (FAIL, f"it did not fit (HTTP {seen.status})")
    problem = _problem(seen, rule, canary)
    return (FAIL, problem) if problem else (PASS, "")


def _is_of(fit: Mapping[str, Any], rule: Rule, place: Place | None = None) -> bool:
    is_same = fit.get("rule") == rule.name and (fit.get("level") == "platform") == rule.is_platform
    return is_same and place in (None, Place(str(fit.get("place"))))


def _deciding(seen: Seen, rule: Rule, rules: Sequence[Rule]) -> str:
    """The rule that ended the matter before this one was asked."""
    for other in rules:
        ends = other.is_enforced and other.action in (Action.BLOCK, Action.ALLOW, Action.REDACT)
        if other.key != rule.key and ends and any(_is_of(fit, other) for fit in seen.fits):
            return other.name
    return ""


def _problem(seen: Seen, rule: Rule, canary: Canary) -> str:
    """What is wrong with what came of it; nothing if all is as the rule says."""
    is_asked = canary.place in _ASKED
    if not rule.is_enforced or rule.action in (Action.FLAG, Action.ALLOW):
        return "" if seen.status == 200 else f"it should change nothing, but the reply was HTTP {seen.status}"
    if rule.action is Action.ROUTE:
        models = {str(asked.get("model")) for asked in seen.asked}
        return "" if models == {rule.route_to} else f"it went to {', '.join(models) or 'no model'}"
    if rule.action is Action.REDACT:
        passed = str([asked.get("messages") for asked in seen.asked]) if is_asked else seen.said
        return "what it covers up passed" if any(part in passed for part in canary.hidden) else ""
    if is_asked:
        return _let_through(seen, rule)
    if any(part in seen.said for part in canary.hidden):
        return "what it forbids reached the client"
    ended = seen.status == 451 or rule.message in seen.body.decode("utf-8", "replace")
    return "" if ended else "the answer went on"


def _let_through(seen: Seen, rule: Rule) -> str:
    if seen.asked:
        return "the upstream was asked"
    if seen.status != 451 or seen.headers.get("x-llmp-policy-rule") != rule.name:
        return f"it was not refused by this rule (HTTP {seen.status})"
    return ""
