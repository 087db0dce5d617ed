"""When a budget's period began and ends, by the clocks of the tenant's time zone."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

MINUTE, HOUR, DAY, WEEK, MONTH, TOTAL = "minute", "hour", "day", "week", "month", "total"
_EVER = datetime(1970, 1, 1, tzinfo=UTC)
_latest: dict[tuple[str, str], tuple[datetime, datetime]] = {}  # of each period and zone, since most calls share it


def window(period: str, at: datetime, zone: str) -> tuple[datetime, datetime | None]:
    """The first moment of the period that `at` is in, and the first after it (never: None), in UTC."""
    if period == TOTAL:
        return _EVER, None
    latest = _latest.get((period, zone))
    if latest is None or not latest[0] <= at < latest[1]:
        latest = _latest[period, zone] = _window(period, at, zone)
    return latest


def _window(period: str, at: datetime, zone: str) -> tuple[datetime, datetime]:
    local = at.astimezone(ZoneInfo(zone))
    if period in (MINUTE, HOUR):
        gone = timedelta(seconds=local.second, microseconds=local.microsecond)
        length = timedelta(minutes=1)
        if period == HOUR:
            gone, length = gone + timedelta(minutes=local.minute), timedelta(hours=1)
        start = (at - gone).astimezone(UTC)
        return start, start + length
    first, after = _days(period, local.date())
    return _midnight(first, zone), _midnight(after, zone)


def _days(period: str, today: date) -> tuple[date, date]:
    if period == DAY:
        return today, today + timedelta(days=1)
    if period == WEEK:
        monday = today - timedelta(days=today.weekday())
        return monday, monday + timedelta(days=7)
    first = today.replace(day=1)
    return first, (first + timedelta(days=31)).replace(day=1)


def _midnight(day: date, zone: str) -> datetime:
    """Where clocks skip midnight, the moment they do."""
    return datetime.combine(day, time(), ZoneInfo(zone)).astimezone(UTC)
