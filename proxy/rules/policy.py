"""The rules of a tenant, compiled to one pass over each text; what was judged once is remembered."""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b

from matching import spelling
from matching.needles import Needles
from proxy.rules import detectors
from proxy.rules.rule import Place, Rule

_MOST_REMEMBERED = 4096
_LONG = 200  # characters: shorter texts are judged faster than they are looked up


@dataclass(frozen=True, slots=True)
class Match:
    """A rule that fits a text, and where, in characters of the text as it came."""

    rule: Rule
    spans: Sequence[tuple[int, int]] = ()
    score: float = 1.0


class Policy:
    """`rules` in their order, the platform's before the tenant's. `fingerprint` differs with every change of them."""

    def __init__(self, rules: Sequence[Rule], fingerprint: bytes) -> None:
        self.rules = tuple(rules)
        self.fingerprint = fingerprint
        self._readers: Mapping[Place, _Reader] = {
            place: _Reader([rule for rule in rules if place in rule.places and rule.reads_text]) for place in Place
        }

    def reader(self, place: Place) -> "_Reader":
        """Judges the texts of one place."""
        return self._readers[place]

    def of(self, place: Place) -> list[Rule]:
        """The rules that look there."""
        return [rule for rule in self.rules if place in rule.places]

    @cached_property
    def asked(self) -> list[Rule]:
        """The rules whose detectors are asked off the event loop."""
        return [rule for rule in self.rules if rule.asked is not None]

    @cached_property
    def judges_at_length(self) -> bool:
        """Whether a long text takes milliseconds to judge, as detectors do."""
        return any(rule.detector or rule.after_untrusted for rule in self.rules)

    @cached_property
    def watches_answers(self) -> bool:
        """Whether an answer has to be looked at."""
        return bool(self.of(Place.RESPONSE) or self.of(Place.TOOL_USE))

    def __repr__(self) -> str:
        return f"Policy({len(self.rules)} rules)"


class _Reader:
    """The rules that look into one kind of text."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self.rules = tuple(rules)
        self._owners = [rule for rule in rules for _needle in rule.needles]
        self.needles = Needles([needle for rule in rules for needle in rule.needles])
        self._remembered: OrderedDict[bytes, tuple[Match, ...]] = OrderedDict()

    def owner(self, needle: int) -> Rule:
        """Whose needle it is."""
        return self._owners[needle]

    def judge(self, text: str) -> tuple[Match, ...]:
        """Every rule that fits the text, in the rules' order."""
        if not self.rules or not text:
            return ()
        if len(text) < _LONG:
            return tuple(self._matches(text))
        key = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
        known = self._remembered.get(key)
        if known is None:
            known = self._remembered[key] = tuple(self._matches(text))
            if len(self._remembered) > _MOST_REMEMBERED:
                self._remembered.popitem(last=False)
        return known

    def _matches(self, text: str) -> list[Match]:
        seen = spelling.clean(text)
        spans = self._spans(seen)
        if len(seen) != len(text):
            places = spelling.offsets(text)
            spans = {
                key: [(places[start], places[end - 1] + 1) for start, end in found] for key, found in spans.items()
            }
        matches = []
        for rule in self.rules:
            if rule.needles and rule.key not in spans:
                continue
            score = detectors.score(rule.detector, text) if rule.detector else 1.0
            if score >= rule.threshold or not rule.detector:
                matches.append(Match(rule, spans.get(rule.key, ()), score))
        return matches

    def _spans(self, text: str) -> dict[str, list[tuple[int, int]]]:
        found: dict[str, list[tuple[int, int]]] = {}
        for place in self.needles.present(text):
            if spans := list(self.needles.spans(place, text)):
                found.setdefault(self._owners[place].key, []).extend(spans)
        return {key: _merged(spans) for key, spans in found.items()}


def _merged(spans: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """In order, overlapping ones as one."""
    merged: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged
