"""Anthropic's `anthropic-ratelimit-unified-*` headers, filled with the state of our own budgets.

Claude Code, where it looks at them, warns at a threshold that is told as passed, and shows the utilization of its
representative window. It knows two windows: five hours and seven days.
"""

from collections.abc import Sequence
from functools import lru_cache

from proxy.ledger.budgets import periods
from proxy.ledger.budgets.reserving import Standing

PREFIX = "anthropic-ratelimit-unified-"
_THRESHOLDS = (0.95, 0.75)
_SHORT = (periods.MINUTE, periods.HOUR, periods.DAY)
_CLAIMS = {"5h": "five_hour", "7d": "seven_day"}


@lru_cache(maxsize=1024)
def lines(standings: tuple[Standing, ...]) -> Sequence[tuple[bytes, bytes]]:
    """The same as bytes; calls out of one lease share them for a second."""
    return [(name.encode(), value.encode()) for name, value in headers(standings).items()]


def headers(standings: Sequence[Standing], rejected: Standing | None = None) -> dict[str, str]:
    """The tightest blocking budget of up to a day as five hours, longer ones as seven days; the tighter is claimed."""
    windows: dict[str, Standing] = {}
    for standing in standings:
        name = _window(standing)
        if standing.budget.is_blocking and (name not in windows or _is_tighter(standing, windows[name])):
            windows[name] = standing
    if rejected is not None:
        windows[_window(rejected)] = rejected
    if not windows:
        return {}
    claimed = rejected or max(windows.values(), key=lambda standing: standing.utilization)
    shown = {
        "status": _status(claimed, rejected),
        "representative-claim": _CLAIMS[_window(claimed)],
        **_reset(claimed),
    }
    for name, standing in windows.items():
        shown |= {f"{name}-{field}": value for field, value in _state(standing, rejected).items()}
    return {PREFIX + field: value for field, value in shown.items()}


def _window(standing: Standing) -> str:
    return "5h" if standing.budget.period in _SHORT else "7d"


def _is_tighter(one: Standing, other: Standing) -> bool:
    return one.utilization > other.utilization


def _state(standing: Standing, rejected: Standing | None) -> dict[str, str]:
    used = min(standing.utilization, 1.0)
    state = {"status": _status(standing, rejected), "utilization": f"{used:.4f}", **_reset(standing)}
    passed = 1.0 if standing is rejected else next((limit for limit in _THRESHOLDS if used >= limit), None)
    return state if passed is None else {**state, "surpassed-threshold": f"{passed:g}"}


def _status(standing: Standing, rejected: Standing | None) -> str:
    if standing is rejected:
        return "rejected"
    return "allowed_warning" if standing.utilization >= _THRESHOLDS[-1] else "allowed"


def _reset(standing: Standing) -> dict[str, str]:
    return {} if standing.ends_at is None else {"reset": str(int(standing.ends_at.timestamp()))}
