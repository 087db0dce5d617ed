"""Time series drawn on the server as SVG: columns stacked by series, one slot a bucket, gaps shown as gaps."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from django.utils import timezone

WIDTH, HEIGHT = 640, 190
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 8, 8, 24
_LABELS = 6
_NICE = (1, 2, 2.5, 5, 10)

Figure = Callable[[int], str]


@dataclass(frozen=True, slots=True)
class Series:
    """One colour of a chart: its name and a value for each bucket."""

    name: str
    values: Sequence[int]
    tone: str = "s1"


@dataclass(frozen=True, slots=True)
class Rect:
    x: str
    y: str
    width: str
    height: str
    tone: str = ""
    tip: str = ""


@dataclass(frozen=True, slots=True)
class Label:
    x: str
    y: str
    text: str
    anchor: str = "middle"


@dataclass(frozen=True, slots=True)
class Chart:
    """Everything the template draws, and the same as rows of a table."""

    title: str
    width: int
    height: int
    rects: Sequence[Rect]
    slots: Sequence[Rect]
    lines: Sequence[str]
    labels: Sequence[Label]
    legend: Sequence[Series]
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    total: str
    left: int = _LEFT
    right: int = WIDTH - _RIGHT


def columns(title: str, starts: Sequence[datetime], series: Sequence[Series], *, figure: Figure, step: str) -> Chart:
    """Columns over time, the series on top of each other."""
    sums = [sum(values) for values in zip(*(one.values for one in series), strict=True)]
    top = _nice(max(sums, default=0))
    inner_width, inner_height = WIDTH - _LEFT - _RIGHT, HEIGHT - _TOP - _BOTTOM
    slot = inner_width / max(1, len(starts))
    gap = min(2.0, slot * 0.2)
    rects, slots = [], []
    words = [_word(start, step) for start in starts]
    for index, start_word in enumerate(words):
        x, base = _LEFT + index * slot, float(_TOP + inner_height)
        for one in series:
            height = inner_height * one.values[index] / top
            if height:
                base -= height
                rects.append(Rect(f"{x + gap / 2:.1f}", f"{base:.1f}", f"{slot - gap:.1f}", f"{height:.1f}", one.tone))
        tip = "\n".join([start_word, *(f"{one.name}: {figure(one.values[index])}" for one in series)])
        slots.append(Rect(f"{x:.1f}", str(_TOP), f"{slot:.1f}", str(inner_height), tip=tip))
    heights = [(part, _TOP + inner_height * (1 - part)) for part in (0.0, 0.5, 1.0)]
    return Chart(
        title=title,
        width=WIDTH,
        height=HEIGHT,
        rects=rects,
        slots=slots,
        lines=[f"{y:.1f}" for _part, y in heights],
        labels=[Label(str(_LEFT - 8), f"{y + 4:.1f}", figure(round(top * part)), "end") for part, y in heights]
        + _axis(words, slot),
        legend=series,
        head=["Time", *(one.name for one in series)],
        rows=[
            [word, *(figure(one.values[index]) for one in series)] for index, word in enumerate(words) if sums[index]
        ],
        total=figure(sum(sums)),
    )


def _axis(words: Sequence[str], slot: float) -> list[Label]:
    every = max(1, -(-len(words) // _LABELS))
    return [
        Label(f"{_LEFT + (index + 0.5) * slot:.1f}", str(HEIGHT - 6), words[index])
        for index in range(every // 2, len(words), every)
    ]


def _word(start: datetime, step: str) -> str:
    here = timezone.localtime(start)
    if step == "day":
        return f"{here:%-d %b}"
    return f"{here:%H:%M}" if step == "minute" else f"{here:%-d %b %H:%M}"


def _nice(most: int) -> int:
    """The round number at the top of the axis, even so that its half is a number too."""
    size: int = 10 ** max(0, len(str(most)) - 1)
    for low, high in pairwise((0, *_NICE)):
        if low * size < most <= high * size:
            return max(2, round(high * size))
    return 2
