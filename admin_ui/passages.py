"""Which passages a call was given, as its trace tells it: documents, places and scores, never words."""

from dataclasses import dataclass
from typing import Any

from proxy.models import UsageRecord


@dataclass(frozen=True, slots=True)
class Shown:
    """One passage: where it is from, its scores, and whether it read like orders."""

    title: str
    source: str
    total: float
    vector: float
    words: float
    is_suspicious: bool


@dataclass(frozen=True, slots=True)
class LookedUp:
    """What was looked up for one call: in which collections, what was found, or why nothing could be."""

    collections: str
    passages: list[Shown]
    failed: str


def of_call(record: UsageRecord) -> LookedUp | None:
    """None where nothing was looked up."""
    step = next((step for step in record.trace if isinstance(step, dict) and step.get("step") == "rag"), None)
    if step is None:
        return None
    collections = ", ".join(str(name) for name in step.get("collections") or ())
    found = [_shown(one) for one in step.get("passages") or () if isinstance(one, dict)]
    return LookedUp(collections, found, str(step.get("failed", "")))


def _shown(one: dict[str, Any]) -> Shown:
    total, vector, words = (float(one.get(name, 0)) for name in ("total", "vector", "words"))
    where = str(one.get("title", "")), str(one.get("source", ""))
    return Shown(*where, total, vector, words, bool(one.get("suspicious")))
