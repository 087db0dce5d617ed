"""Detectors: what gives a text a score from 0 to 1 instead of a place. `DETECTORS` names them."""

from collections.abc import Callable, Mapping

from proxy.rules.detectors import injection

DETECTORS: Mapping[str, Callable[[str], float]] = {
    "prompt_injection": injection.score,
    "jailbreak": injection.jailbreak,
}

_SUSPICION = 0.8


def reads_like_orders(text: str) -> bool:
    """Whether a text from outside gives orders to the model."""
    return injection.score(text) >= _SUSPICION


def score(name: str, text: str) -> float:
    """How sure the detector is. Names are checked when a policy is saved."""
    return DETECTORS[name](text)
