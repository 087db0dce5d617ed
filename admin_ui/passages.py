"""Which passages a call was given, as its trace tells it: documents, places and scores, never words."""

from dataclasses import dataclass
from typing import Any

from proxy.knowledge import uses
from proxy.models import UsageRecord

_STEPS = ("rag", "search")
"""Looked up for a turn, or searched by the model: that may be more than once in a call."""


@dataclass(frozen=True, slots=True)
class Shown:
    """One passage: where it is from, its scores, whether it read like orders, how often its document is cited."""

    title: str
    source: str
    total: float
    vector: float
    words: float
    is_suspicious: bool
    citations: int


@dataclass(frozen=True, slots=True)
class LookedUp:
    """What was looked up for one call: in which collections, what was found, or why nothing could be."""

    collections: str
    passages: list[Shown]
    failed: str


def of_call(record: UsageRecord) -> LookedUp | None:
    """None where nothing was looked up."""
    steps = [step for step in record.trace if isinstance(step, dict) and step.get("step") in _STEPS]
    if not steps:
        return None
    collections = dict.fromkeys(str(name) for step in steps for name in step.get("collections") or ())
    cited = _cited(record)
    found = [_shown(one, cited) for step in steps for one in step.get("passages") or () if isinstance(one, dict)]
    failed = next((str(step["failed"]) for step in steps if step.get("failed")), "")
    return LookedUp(", ".join(collections), list(dict.fromkeys(found)), failed)


def _cited(record: UsageRecord) -> dict[str, Any]:
    """The documents that the answer cites, by id, with how often."""
    steps = (step for step in record.trace if isinstance(step, dict) and step.get("step") == uses.CITED)
    told = next(steps, {}).get("documents")
    return told if isinstance(told, dict) else {}


def _shown(one: dict[str, Any], cited: dict[str, Any]) -> Shown:
    total, vector, words = (float(one.get(name, 0)) for name in ("total", "vector", "words"))
    where = str(one.get("title", "")), str(one.get("source", ""))
    return Shown(*where, total, vector, words, bool(one.get("suspicious")), int(cited.get(str(one.get("document")), 0)))
