"""Prompt injection and jailbreaks by their wording: weighted cues (cues.py) in every reading of a text (readings.py).

A text that only talks about such attacks scores below one that makes one: a single cue is never enough for 0.8.
"""

from collections.abc import Iterator
from functools import lru_cache

from proxy.rules.detectors import cues, readings
from proxy.rules.detectors.cues import Place


def score(text: str) -> float:
    """How much the text reads like orders to a model that are not its user's, 0 to 1."""
    return _score("prompt_injection", text)


def jailbreak(text: str) -> float:
    """How much the text reads like an attempt to talk a model out of its limits, 0 to 1."""
    return _score("jailbreak", text)


def readings_of(text: str) -> Iterator[list[Place]]:
    """The cues of each reading; of what is hidden or encoded, that it is so too."""
    for how, reading in readings.of(text):
        found = cues.places(reading)
        yield sorted([*found, *((start, how) for start, _name in found)]) if how != "plain" else found


def _score(detector: str, text: str) -> float:
    weights = cues.weights(detector)
    return max(cues.score(found, weights) for found in _found(text))


@lru_cache(maxsize=4)
def _found(text: str) -> tuple[list[Place], ...]:
    """Kept for a moment: a rule for each detector asks about the same text."""
    return tuple(readings_of(text))
