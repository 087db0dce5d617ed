"""What a call gets instead of what it asks for, once budgets are used so far."""

from collections.abc import Sequence
from dataclasses import dataclass

from proxy.ledger.budgets.reserving import Standing


@dataclass(frozen=True, slots=True)
class Plan:
    """A model in place of a dearer one, and the most it may write. None: as asked."""

    model: str | None = None
    max_tokens: int | None = None


def plan(standings: Sequence[Standing]) -> Plan:
    """The model of the highest step that is reached, and the lowest bound."""
    reached = [
        step
        for standing in standings
        for step in standing.budget.degrading
        if standing.spent + standing.held >= standing.budget.amount * step.at / 100
    ]
    models = sorted((step.at, step.model) for step in reached if step.model is not None)
    bounds = [step.max_tokens for step in reached if step.max_tokens is not None]
    return Plan(models[-1][1] if models else None, min(bounds, default=None))
