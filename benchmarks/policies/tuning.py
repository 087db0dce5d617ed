"""Tune the weights of the cues on the half that is not held out: `python -m benchmarks.policies.tuning`.

Logistic regression by gradient, with cues that only ever speak for or against a text, on the worst stretch of each
text; which stretch that is depends on the weights, so it is done a few times over. Deterministic.
"""

import math
from collections.abc import Collection, Iterable, Sequence

import numpy as np

from benchmarks.pii import negatives
from benchmarks.policies import corpus
from proxy.rules.detectors import cues, injection
from proxy.rules.detectors.cues import CALMING

_ROUNDS, _STEPS, _RATE = 5, 5000, 0.5
_PENALTY = 0.0003
_HARMLESS_WEIGHT = 4.0  # a false alarm is worse than a miss
_MOST_CALMING = -2.5  # nobody talks a detector out of what it sees by adding the word "attack"
_FILES_BYTES = 400_000
_START = dict.fromkeys(cues.names(), 1.0) | dict.fromkeys(CALMING, -1.0) | {"bias": -4.0}

Stretches = Sequence[Collection[str]]


def main() -> None:
    """Print the weights."""
    harmless = corpus.half("harmless", held_out=False)
    harmless += [made for text in harmless for made in (*corpus.carried(text), *_coded(text))]
    harmless += [text for place, (_kind, _path, text) in enumerate(negatives.texts(_FILES_BYTES)) if place % 2 == 0]
    print("# Made by benchmarks/policies/tuning.py.")
    for detector in ("prompt_injection", "jailbreak"):
        attacks = corpus.half(detector, held_out=False)
        attacks += [made for text in attacks for made in (*corpus.carried(text), *_coded(text))]
        weights = fitted([list(_of(text)) for text in attacks], [list(_of(text)) for text in harmless])
        print(f"\n[{detector}]")
        for name, weight in sorted(weights.items(), key=lambda pair: -abs(pair[1])):
            if abs(weight) >= 0.05:
                print(f"{name} = {weight:.2f}")


def fitted(attacks: Sequence[Stretches], harmless: Sequence[Stretches]) -> dict[str, float]:
    """Weights that tell one from the other."""
    names = sorted(_START.keys() - {"bias"})
    weights = dict(_START)
    labels = np.array([1.0] * len(attacks) + [0.0] * len(harmless))
    shares = np.where(labels == 1, 1 / len(attacks), _HARMLESS_WEIGHT / len(harmless))
    least = np.array([_MOST_CALMING if name in CALMING else 0.0 for name in names])
    most = np.array([0.0 if name in CALMING else np.inf for name in names])
    for _round in range(_ROUNDS):
        rows = np.array([_row(names, _worst(one, weights)) for one in [*attacks, *harmless]])
        values, bias = np.array([weights[name] for name in names]), weights["bias"]
        for _step in range(_STEPS):
            wrong = (1 / (1 + np.exp(-(rows @ values + bias))) - labels) * shares
            values = np.clip(values - _RATE * (rows.T @ wrong + _PENALTY * values), least, most)
            bias -= _RATE * float(wrong.sum())
        weights = dict(zip(names, map(float, values), strict=True)) | {"bias": bias}
    return weights


def _coded(text: str) -> Iterable[str]:
    return [corpus.CODES[code](text) for code in ("base64", "Unicode tags")]


def _of(text: str) -> Iterable[Collection[str]]:
    return [names for found in injection.readings_of(text) for names in cues.stretches(found)]


def _worst(stretches: Stretches, weights: dict[str, float]) -> Collection[str]:
    return max(stretches, key=lambda names: math.fsum(weights[name] for name in names), default=())


def _row(names: Sequence[str], present: Collection[str]) -> list[float]:
    return [1.0 if name in present else 0.0 for name in names]


if __name__ == "__main__":
    main()
