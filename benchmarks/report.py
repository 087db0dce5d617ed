"""The figures as a Markdown table and as JSON."""

import json
import os
import platform
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from statistics import median

from benchmarks.measure import BURST_EVENTS, Figures

Rounds = Mapping[str, Sequence[Figures]]
_PACKAGES = ("django", "django-ninja", "uvicorn", "daphne", "uvloop", "httptools", "httpx", "orjson")
# More than this of the core taken by others, and what was measured there is their noise too.
_DISTURBED_SHARE = 0.10
_COLUMNS = (
    "",
    "requests/s",
    "CPU µs/request",
    "requests per CPU second",
    "× naive",
    "added p50 ms, 25/s",
    "added p99 ms, 25/s",
    "added p50 ms, one by one",
    "added TTFB ms, burst",
    "CPU µs/event, burst",
    "CPU µs/event, one by one",
    "event delay p50/p99 ms",
    "KiB/open stream",
    "of 500 streams ended",
    "idle MiB",
    "bad",
)


def machine() -> dict[str, object]:
    """What it was measured on."""
    model = next((line for line in _lines("/proc/cpuinfo") if line.startswith("model name")), "")
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "cpu": model.partition(":")[2].strip() or platform.machine(),
        "cores": os.cpu_count(),
        "load": os.getloadavg(),
        "system": platform.platform(),
        "python": sys.version.split()[0],
        "packages": {name: version(name) for name in _PACKAGES},
    }


def medians(rounds: Sequence[Figures]) -> Figures:
    """The middle of each figure."""
    return {name: median(figures[name] for figures in rounds if name in figures) for name in rounds[0]}


def table(rounds: Rounds) -> str:
    """One row a contender; what `direct` takes is subtracted."""
    middle = {name: medians(figures) for name, figures in rounds.items() if figures}
    rows = [_COLUMNS, ("---",) * len(_COLUMNS)]
    rows += [_row(name, figures, middle, rounds[name]) for name, figures in middle.items()]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def _row(name: str, figures: Figures, middle: Mapping[str, Figures], rounds: Sequence[Figures]) -> tuple[str, ...]:
    direct, naive = middle.get("direct", {}), middle.get("naive", {})
    bad = f"{sum(each['bad'] for each in rounds):.0f}"
    ended = f"{figures['held_ended']:.0f}"
    delay = f"{figures['event_delay_p50_ms']:.2f} / {figures['event_delay_p99_ms']:.1f}"
    if "whole_cpu_us" not in figures:
        low = [f"({figures[name]:.2f})" for name in ("low_p50_ms", "low_p99_ms", "alone_p50_ms")]
        first = f"({figures['stream_first_byte_ms']:.2f})"
        return (name, f"{figures['whole_per_second']:,.0f}", "", "", "", *low, first, "", "", delay, "", ended, "", bad)
    cpu = figures["whole_cpu_us"]
    ratio = f"{naive['whole_cpu_us'] / cpu:.1f}" if naive else ""
    return (
        name,
        f"{figures['whole_per_second']:,.0f}",
        f"{cpu:.0f} ({_span(each['whole_cpu_us'] for each in rounds)})",
        f"{1e6 / cpu:,.0f}",
        ratio,
        f"{figures['low_p50_ms'] - direct.get('low_p50_ms', 0):.2f}",
        f"{figures['low_p99_ms'] - direct.get('low_p99_ms', 0):.2f}",
        f"{figures['alone_p50_ms'] - direct.get('alone_p50_ms', 0):.2f}",
        f"{figures['stream_first_byte_ms'] - direct.get('stream_first_byte_ms', 0):.1f}",
        f"{max(figures['stream_cpu_us'] - cpu, 0) / BURST_EVENTS:.2f}",
        f"{figures['event_cpu_us']:.0f}",
        delay,
        f"{figures['stream_kib']:.0f}",
        ended,
        f"{figures['idle_mib']:.0f}",
        bad,
    )


def disturbances(rounds: Rounds) -> list[str]:
    """Where other programs took part of the measured core."""
    return [
        f"{name}, round {number}: other programs took {share:.0%} of the core"
        for name, each in rounds.items()
        for number, figures in enumerate(each, start=1)
        if (share := max(figures.get("whole_others_share", 0), figures.get("stream_others_share", 0)))
        > _DISTURBED_SHARE
    ]


def save(folder: Path, rounds: Rounds) -> Path:
    """Everything that was measured, for later comparison."""
    folder.mkdir(exist_ok=True)
    path = folder / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}.json"
    path.write_text(json.dumps({"machine": machine(), "rounds": rounds}, indent=1))
    return path


def _span(values: Iterable[float]) -> str:
    every = sorted(values)
    return f"{every[0]:.0f}–{every[-1]:.0f}"


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text().splitlines()
    except OSError:
        return []
