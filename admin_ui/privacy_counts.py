"""What was found in calls, as their traces tell it: types, counts and places, never values."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from admin_ui.timerange import TimeRange
from proxy.models import UsageRecord

LATEST = 1000
"""So many calls are read at most: traces are wide rows."""
_STEPS = {"pii": "request", "pii_output": "answer"}
_PLACES = {
    "system": "system prompt",
    "tools": "descriptions of tools",
    "user": "what people wrote",
    "assistant": "earlier answers",
    "tool_input": "inputs of tools",
    "tool_result": "results of tools",
    "document": "documents",
    "citation": "quotations",
    "unknown": "unknown blocks",
    "answer": "the answer",
}


@dataclass(slots=True)
class Found:
    """One entity type: how often, what was done, how sure, and where."""

    entity_type: str
    mode: str
    count: int = 0
    score: float = 0.0
    places: Counter[str] = field(default_factory=Counter)

    @property
    def where(self) -> str:
        """`what people wrote 2, results of tools 1`."""
        return ", ".join(f"{_PLACES.get(place, place)} {count}" for place, count in self.places.most_common())


def of_call(record: UsageRecord) -> list[Found]:
    """What was found in one call, most of it first."""
    return _added([record.trace])


def restored(record: UsageRecord) -> dict[str, int]:
    """How placeholders came in the answer: back (of them altered), kept, unknown. Empty where none was waited for."""
    step = next((step for step in record.trace if isinstance(step, dict) and step.get("step") == "restore"), None)
    if step is None:
        return {}
    counts = {name: int(step.get(name, 0)) for name in ("exact", "altered", "kept", "unknown")}
    return {"back": counts["exact"] + counts["altered"], **counts}


def of_tenant(tenant_id: UUID, span: TimeRange) -> list[Found]:
    """What was found in the tenant's latest calls of this time."""
    calls = UsageRecord.objects.filter(tenant_id=tenant_id, started_at__gte=span.start, started_at__lt=span.end)
    return _added(calls.order_by("-started_at").values_list("trace", flat=True)[:LATEST])


def _added(traces: Iterable[Sequence[Any]]) -> list[Found]:
    sums: dict[tuple[str, str], Found] = {}
    for trace in traces:
        for step in trace:
            if isinstance(step, dict) and step.get("step") in _STEPS and isinstance(step.get("found"), dict):
                for entity_type, known in step["found"].items():
                    _add(sums, str(entity_type), known)
    return sorted(sums.values(), key=lambda one: (-one.count, one.entity_type))


def _add(sums: dict[tuple[str, str], Found], entity_type: str, known: Mapping[str, Any]) -> None:
    mode = str(known.get("mode", ""))
    found = sums.setdefault((entity_type, mode), Found(entity_type, mode))
    found.count += int(known.get("count", 0))
    found.score = max(found.score, float(known.get("score", 0)))
    found.places.update({str(place): int(count) for place, count in known.get("places", {}).items()})
