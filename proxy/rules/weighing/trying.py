"""Which rules that ask detectors fit a text or a request: for people who write rules, not for calls."""

import asyncio
from collections.abc import Sequence

from proxy.call import TenantRules
from proxy.formats import texts
from proxy.rules import requests, trying
from proxy.rules.policy import Policy
from proxy.rules.rule import Place, Rule
from proxy.rules.trying import Fit, Piece
from proxy.rules.weighing import NotWeighed
from proxy.rules.weighing.asking import Asking
from proxy.rules.weighing.scales import Scales

_AROUND = 120


async def tried(policy: Policy, given: str, scales: Scales, tenant: TenantRules) -> tuple[list[Fit], list[str]]:
    """What fits, with its score, and which rules gave none and why. Every rule is asked, whatever those above say."""
    body = trying.request_of(given)
    if body is None:
        pieces = [(place, given) for place in Place]
    else:
        pieces = [(requests.place_of(leaf), leaf.text) for leaf in texts.of_request(body).leaves]
    failed: list[str] = []
    fits = await asyncio.gather(*(_of_rule(rule, pieces, scales, tenant, failed) for rule in policy.asked))
    return [fit for some in fits for fit in some], failed


async def _of_rule(
    rule: Rule, pieces: Sequence[tuple[Place, str]], scales: Scales, tenant: TenantRules, failed: list[str]
) -> list[Fit]:
    scores: dict[Place, float] = {}

    def note(_rule: Rule, place: Place, score: float) -> None:
        scores[place] = score

    def fail(rule: Rule, reason: NotWeighed) -> None:
        failed.append(f"{rule.name}: {reason}")

    await Asking([rule], tenant, scales, note, fail).blocking(pieces)
    if not scores:
        return []
    shown = next(text for place, text in pieces if place in scores)
    piece = Piece(shown if len(shown) <= _AROUND else f"{shown[:_AROUND]}…")
    return [Fit(rule, list(scores), [piece], round(max(scores.values()), 2))]
