"""Rules whose detectors are asked about texts, all at the same time; what fits is told in the rules' order."""

import asyncio
from collections.abc import Callable, Sequence

from proxy.call import TenantRules
from proxy.rules import detectors
from proxy.rules.rule import Action, Place, Rule
from proxy.rules.weighing import NotWeighed
from proxy.rules.weighing.scales import Scales

Note = Callable[[Rule, Place, float], None]
"""Told of every rule that fits, with the highest score in the place."""
Fail = Callable[[Rule, NotWeighed], None]
"""Told of every rule that could not be asked; may raise where nothing goes on unjudged."""


class Asking:
    """The rules of one call that ask."""

    def __init__(self, rules: Sequence[Rule], tenant: TenantRules, scales: Scales, note: Note, fail: Fail) -> None:
        self._rules = rules
        self._tenant = tenant
        self._scales = scales
        self._note = note
        self._fail = fail

    async def blocking(self, given: Sequence[tuple[Place, str]]) -> Rule | None:
        """The first rule that forbids what is given; those below it are told no more."""
        weighed = await asyncio.gather(*(self._best(rule, given) for rule in self._rules))
        for rule, best in zip(self._rules, weighed, strict=True):
            if isinstance(best, NotWeighed):
                self._fail(rule, best)
                continue
            for place, score in best.items():
                self._note(rule, place, score)
            if best and rule.is_enforced and rule.action is Action.BLOCK:
                return rule
        return None

    async def _best(self, rule: Rule, given: Sequence[tuple[Place, str]]) -> dict[Place, float] | NotWeighed:
        """Where the rule fits, and with which score."""
        own = [(place, text) for place, text in given if place in rule.places and text]
        if not own:
            return {}
        least = rule.threshold if rule.asked is None else rule.asked.threshold
        try:
            scores = await self._scored(rule, [text for _place, text in own])
        except NotWeighed as failed:
            return failed
        best: dict[Place, float] = {}
        for (place, _text), score in zip(own, scores, strict=True):
            if score >= least:
                best[place] = max(best.get(place, 0.0), score)
        return best

    async def _scored(self, rule: Rule, texts: Sequence[str]) -> Sequence[float]:
        if rule.asked is None:
            return [detectors.score(rule.detector, text) for text in texts]
        return await self._scales.scores(texts, rule.asked, self._tenant)
