"""How often rules fitted calls, as the traces tell it: names, places and modes, never words."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from admin_ui.timerange import TimeRange
from proxy.models import UsageRecord
from tenants.models import Tenant

LATEST = 1000
"""So many calls are read at most: traces are wide rows."""
_MOST_CALLS = 20
_STEPS = frozenset(("policy", "policy_answer", "policy_pii", "policy_detectors", "policy_answer_detectors"))


@dataclass(slots=True)
class Hits:
    """One rule in a time: how many calls it fitted, how many of them it stopped, and the latest of them."""

    calls: int = 0
    stopped: int = 0
    latest: list[UsageRecord] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Fitting:
    """A rule by its name, and what came of it. `is_there`: the tenant's policy still has it."""

    name: str
    is_platform: bool
    is_there: bool
    calls: int
    stopped: int


def of_call(record: UsageRecord) -> list[dict[str, Any]]:
    """Each rule that fitted the call, with its place, action, mode and severity; `stopped` where it ended it."""
    fits: list[dict[str, Any]] = []
    for step in record.trace:
        if not isinstance(step, dict) or step.get("step") not in _STEPS:
            continue
        for fit in step.get("rules") or ():
            if isinstance(fit, dict):
                fits.append({**fit, "stopped": fit.get("rule") == step.get("blocked") or _ended(record, fit)})
            elif isinstance(fit, str):
                blocked = fit == step.get("blocked")
                fits.append({"rule": fit, "place": "request", "action": "block", "mode": "enforce", "stopped": blocked})
    return fits


def of_rules(tenant_id: UUID | None, span: TimeRange) -> dict[tuple[str, bool], Hits]:
    """By (name, whether it is the platform's): the hits in the latest calls of this time. No tenant: in all of them."""
    calls = UsageRecord.objects.filter(started_at__gte=span.start, started_at__lt=span.end)
    if tenant_id is not None:
        calls = calls.filter(tenant_id=tenant_id)
    return _added(calls.order_by("-started_at")[:LATEST])


def most_of(tenant: Tenant, span: TimeRange, most: int) -> list[Fitting]:
    """The rules that stopped, then those that fitted, most of the tenant's latest calls of this time."""
    own = {rule["name"] for rule in tenant.policy.get("rules", ())}
    ranked = sorted(of_rules(tenant.pk, span).items(), key=lambda one: (-one[1].stopped, -one[1].calls, one[0]))
    return [
        Fitting(name, is_platform, not is_platform and name in own, hits.calls, hits.stopped)
        for (name, is_platform), hits in ranked[:most]
    ]


def _added(records: Iterable[UsageRecord]) -> dict[tuple[str, bool], Hits]:
    found: dict[tuple[str, bool], Hits] = {}
    for record in records:
        fits: Sequence[dict[str, Any]] = of_call(record)
        for key in {_key(fit) for fit in fits}:
            hits = found.setdefault(key, Hits())
            hits.calls += 1
            hits.stopped += any(fit["stopped"] for fit in fits if _key(fit) == key)
            if len(hits.latest) < _MOST_CALLS:
                hits.latest.append(record)
    return found


def _key(fit: dict[str, Any]) -> tuple[str, bool]:
    return str(fit.get("rule", "")), fit.get("level") == "platform"


def _ended(record: UsageRecord, fit: dict[str, Any]) -> bool:
    """An answer that an enforced rule blocked says so by how its call ended."""
    is_block = fit.get("action") == "block" and fit.get("mode") == "enforce"
    return is_block and fit.get("place") in ("response", "tool_use")
