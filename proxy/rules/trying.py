"""Which rules fit a text or a request, and where: for people who write rules, not for calls."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from proxy.formats import texts
from proxy.rules import requests, tools
from proxy.rules.policy import Match, Policy
from proxy.rules.rule import Action, Place, Rule

_AROUND = 60
_TEXT_PLACES = (Place.REQUEST, Place.TOOL_RESULTS, Place.RESPONSE)
_MOST_FITS = 100


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a text; marked where a rule found its words."""

    text: str
    is_marked: bool = False


@dataclass(frozen=True, slots=True)
class Fit:
    """A rule, and one text or tool that it fits."""

    rule: Rule
    places: Sequence[Place]
    pieces: Sequence[Piece]
    score: float | None = None  # of a detector


@dataclass(frozen=True, slots=True)
class Tried:
    """Every fit in the rules' order, and the rule that would stop it as a request."""

    fits: Sequence[Fit]
    blocking: Rule | None
    is_request: bool
    failed: Sequence[str] = ()  # `rule: why` of each whose detector gave no score


def tried(policy: Policy, given: str, asked: Sequence[Fit] = (), failed: Sequence[str] = ()) -> Tried:
    """Judge a request, if it is the JSON of one, else a text as if it stood in every place there is.

    `asked` and `failed`: what came of the rules whose detectors are asked (weighing/trying.py).
    """
    body = request_of(given)
    found = [*asked, *(_of_text(policy, given) if body is None else _of_request(policy, body))]
    order = {rule.key: place for place, rule in enumerate(policy.rules)}
    found.sort(key=lambda fit: order[fit.rule.key])
    return Tried(found[:_MOST_FITS], _blocking(found), body is not None, failed)


def request_of(given: str) -> dict[str, Any] | None:
    """The request that a text is the JSON of, if it is one."""
    try:
        body = orjson.loads(given)
    except orjson.JSONDecodeError:
        return None
    is_request = isinstance(body, dict) and isinstance(body.get("messages"), list)
    return body if is_request and all(isinstance(one, dict) for one in body["messages"]) else None


def _of_text(policy: Policy, text: str) -> Iterator[Fit]:
    fits: dict[str, tuple[Match, list[Place]]] = {}
    for place in _TEXT_PLACES:
        for match in policy.reader(place).judge(text):
            fits.setdefault(match.rule.key, (match, []))[1].append(place)
    for match, places in fits.values():
        yield _fit(match, places, text)


def _of_request(policy: Policy, body: Mapping[str, Any]) -> Iterator[Fit]:
    offered = body.get("tools")
    read, model = texts.of_request(body), str(body.get("model"))
    for leaf in read.leaves:
        place = requests.place_of(leaf)
        for match in policy.reader(place).judge(leaf.text):
            if requests.reads(match.rule, place) and requests.fits(match.rule, model, body, read.attachments):
                yield _fit(match, [place], leaf.text)
    for rule in policy.rules:
        if Place.TOOLS in rule.places and not rule.weighs and requests.fits(rule, model, body, read.attachments):
            for tool in offered if isinstance(offered, list) else ():
                if tools.offered(rule, tool):
                    yield Fit(rule, [Place.TOOLS], [Piece(str(tool.get("name", "")), True)])
        is_about_all = not (rule.reads_text or rule.asked or rule.tool_names is not None or rule.pii)
        if is_about_all and Place.REQUEST in rule.places and requests.fits(rule, model, body, read.attachments):
            yield Fit(rule, [Place.REQUEST], [])


def _fit(match: Match, places: Sequence[Place], text: str) -> Fit:
    score = round(match.score, 2) if match.rule.detector else None
    return Fit(match.rule, places, list(_pieces(text, match.spans)), score)


def _pieces(text: str, spans: Sequence[tuple[int, int]]) -> Iterator[Piece]:
    """The marked parts with a bit of what stands around them."""
    if not spans:
        yield Piece(text if len(text) <= 2 * _AROUND else text[: 2 * _AROUND] + "…")
        return
    at = 0
    for start, end in spans:
        left = max(at, start - _AROUND)
        yield Piece(("…" if left > at else "") + text[left:start])
        yield Piece(text[start:end], True)
        at = end
    yield Piece(text[at : at + _AROUND] + ("…" if len(text) > at + _AROUND else ""))


def _blocking(fits: Sequence[Fit]) -> Rule | None:
    """The first that blocks a request; none of a policy below one of its own that allows it."""
    allowed: set[bool] = set()
    for fit in fits:
        rule = fit.rule
        if not rule.is_enforced or rule.is_platform in allowed or set(fit.places) == {Place.RESPONSE}:
            continue
        if rule.action is Action.BLOCK:
            return rule
        if rule.action is Action.ALLOW:
            allowed.add(rule.is_platform)
    return None
