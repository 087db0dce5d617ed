"""Prompt injection and jailbreaks by their wording: weighted cues (cues.toml), in one pass over the text.

A text that only talks about such attacks scores below one that makes one: a single cue is never enough for 0.8.
"""

import tomllib
from functools import cache
from pathlib import Path

from matching import spelling
from matching.needles import Needles, Pattern

_CUES = Path(__file__).with_name("cues.toml")


def score(text: str) -> float:
    """How much the text reads like orders to a model that are not the user's, 0 to 1."""
    return _scored("override", text)


def jailbreak(text: str) -> float:
    """How much the text reads like an attempt to talk a model out of its limits, 0 to 1."""
    return max(_scored("jailbreak", text), 0.8 * _scored("override", text))


def _scored(kind: str, text: str) -> float:
    """1 minus the chance that every cue that is there is a coincidence."""
    needles, weights = _compiled(kind)
    innocence = 1.0
    for place in needles.present(spelling.latin(text)):
        innocence *= 1.0 - weights[place]
    return 1.0 - innocence


@cache
def _compiled(kind: str) -> tuple[Needles, list[float]]:
    cues = tomllib.loads(_CUES.read_text())[kind]
    return Needles([Pattern(cue["regex"]) for cue in cues]), [cue["weight"] for cue in cues]
