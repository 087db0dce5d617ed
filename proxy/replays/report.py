"""What came of a replay, added up call by call: plain values that can be stored, shown and gone on with."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from proxy.replays.judging import Fit

EFFECTS = ("blocked", "redacted", "routed", "flagged")
_EFFECT_OF = {"block": "blocked", "redact": "redacted", "route": "routed", "flag": "flagged"}
MOST_ROWS = 500
_MOST_ERRORS = 100
COLUMNS = ("call", "change", "tried_effects", "holding_effects", "tried_rules", "holding_rules")
"""What the file holds, in this order."""


@dataclass(slots=True)
class Report:
    """Counts of calls, and of each rule the calls it fits; the calls that differ, and some of the others that fit."""

    calls: int = 0
    answers: int = 0
    changed: int = 0  # calls to which the two do different things
    tried: dict[str, int] = field(default_factory=dict)  # effect → calls
    holding: dict[str, int] = field(default_factory=dict)
    changes: dict[str, int] = field(default_factory=dict)  # `newly blocked`, `no longer flagged`, … → calls
    rules: dict[str, dict[str, Any]] = field(default_factory=dict)
    differing: list[dict[str, Any]] = field(default_factory=list)
    fitting: list[dict[str, Any]] = field(default_factory=list)
    not_asked: list[str] = field(default_factory=list)  # rules that were left out
    errors: list[dict[str, str]] = field(default_factory=list)
    error_count: int = 0

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> "Report":
        """As `stored` gave it; an empty one of nothing."""
        known = {one.name for one in fields(cls)}
        return cls(**{name: value for name, value in stored.items() if name in known})

    def stored(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self)

    def add(self, name: str, *, has_answer: bool, tried: Sequence[Fit], holding: Sequence[Fit]) -> None:
        """Count one call."""
        self.calls += 1
        self.answers += has_answer
        now, then = _effects(tried), _effects(holding)
        for counts, effects in ((self.tried, now), (self.holding, then)):
            for effect in effects:
                counts[effect] = counts.get(effect, 0) + 1
        changes = list(_changes(now, then))
        self.changed += bool(changes)
        for change in changes:
            self.changes[change] = self.changes.get(change, 0) + 1
        self._count_rules("tried", tried)
        self._count_rules("holding", holding)
        if not tried and not holding:
            return
        rows = self.differing if changes else self.fitting
        if len(rows) < MOST_ROWS:
            rows.append(
                {
                    "call": name,
                    "changes": changes,
                    "tried": [now, _names(tried)],
                    "holding": [then, _names(holding)],
                }
            )

    def fail(self, name: str, why: str) -> None:
        """Count a call that could not be judged."""
        self.error_count += 1
        if len(self.errors) < _MOST_ERRORS:
            self.errors.append({"call": name, "why": why[:300]})

    def rows(self) -> Iterator[list[str]]:
        """The calls that fit, those that differ first, as cells of a file."""
        for row in (*self.differing, *self.fitting):
            yield [
                row["call"],
                "; ".join(row["changes"]),
                *("; ".join(row[side][0]) for side in ("tried", "holding")),
                *("; ".join(row[side][1]) for side in ("tried", "holding")),
            ]

    def _count_rules(self, side: str, fits: Sequence[Fit]) -> None:
        for key, fit in {fit.key: fit for fit in fits}.items():
            rule = self.rules.setdefault(
                key, {"name": fit.rule, "is_platform": fit.is_platform, "tried": 0, "holding": 0}
            )
            rule[side] += 1
            if side == "tried" or "action" not in rule:
                rule["action"], rule["is_enforced"] = fit.action, fit.is_enforced


def _effects(fits: Sequence[Fit]) -> list[str]:
    """What enforced rules do to the call; nothing else counts where it is blocked before there is an answer."""
    done = {_EFFECT_OF[fit.action] for fit in fits if fit.is_enforced and fit.action in _EFFECT_OF}
    return [effect for effect in EFFECTS if effect in done]


def _changes(now: Sequence[str], then: Sequence[str]) -> Iterator[str]:
    for effect in EFFECTS:
        if (effect in now) != (effect in then):
            yield f"newly {effect}" if effect in now else f"no longer {effect}"


def _names(fits: Sequence[Fit]) -> list[str]:
    """Each rule once, with where it fits."""
    places: dict[str, list[str]] = {}
    for fit in fits:
        where = places.setdefault(fit.key, [])
        if fit.place not in where:
            where.append(fit.place)
    return [f"{key} ({', '.join(where)})" for key, where in places.items()]
