"""The time a page looks at: presets or two moments of one's own, in the URL, the same names on every page."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.http import QueryDict
from django.utils import timezone
from django.utils.dateparse import parse_datetime

PRESETS = {
    "1h": ("Last hour", timedelta(hours=1)),
    "24h": ("Last 24 hours", timedelta(hours=24)),
    "7d": ("Last 7 days", timedelta(days=7)),
    "30d": ("Last 30 days", timedelta(days=30)),
}
DEFAULT = "24h"
LONGEST = timedelta(days=400)


@dataclass(frozen=True, slots=True)
class TimeRange:
    """From `start` up to `end`."""

    start: datetime
    end: datetime
    preset: str  # "" for moments of one's own
    label: str
    error: str = ""

    @property
    def length(self) -> timedelta:
        return self.end - self.start

    @property
    def before(self) -> "TimeRange":
        """The period of the same length that ended where this one starts."""
        return TimeRange(self.start - self.length, self.start, "", "the period before")

    @property
    def query(self) -> str:
        """This range as part of a URL."""
        if self.preset:
            return f"range={self.preset}"
        return f"from={self.start:%Y-%m-%dT%H:%M:%SZ}&to={self.end:%Y-%m-%dT%H:%M:%SZ}"

    @property
    def choices(self) -> list[tuple[str, str]]:
        return [(name, label) for name, (label, _length) in PRESETS.items()]


def of(query: QueryDict, now: datetime, default: str = DEFAULT) -> TimeRange:
    """The range a URL names: `from` and `to`, else `range`, else the default. Times without a zone are the viewer's."""
    if "from" in query or "to" in query:
        start, end = _moment(query.get("from", "")), _moment(query.get("to", "")) or now
        if start is not None and start < end and end - start <= LONGEST:
            return TimeRange(start, end, "", f"{_short(start)} – {_short(end)}")
        error = f"Give a start before the end, at most {LONGEST.days} days apart. The default range is shown."
        return _preset(default, now, error)
    name = query.get("range", default)
    return _preset(name if name in PRESETS else default, now)


def _preset(name: str, now: datetime, error: str = "") -> TimeRange:
    label, length = PRESETS[name]
    return TimeRange(now - length, now, name, label, error)


def _moment(text: str) -> datetime | None:
    try:
        found = parse_datetime(text.strip())
    except ValueError:
        return None
    if found is None:
        return None
    try:
        return (
            timezone.make_aware(found)
            if timezone.is_naive(found)
            else found.astimezone(timezone.get_current_timezone())
        )
    except OverflowError:
        return None


def _short(moment: datetime) -> str:
    return f"{timezone.localtime(moment):%-d %b %Y %H:%M}"
