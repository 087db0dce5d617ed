"""Periods begin and end by the clocks of the tenant's zone, also on days that are not 24 hours long."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.ledger.budgets import periods


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("period", "zone", "at", "starts", "ends"),
    [
        ("minute", "UTC", "2026-11-24T12:34:56.7", "2026-11-24T12:34", "2026-11-24T12:35"),
        ("hour", "Asia/Kolkata", "2026-11-24T12:34", "2026-11-24T12:30", "2026-11-24T13:30"),
        ("day", "Europe/Rome", "2026-11-24T22:59", "2026-11-23T23:00", "2026-11-24T23:00"),
        ("day", "Europe/Rome", "2026-11-24T23:00", "2026-11-24T23:00", "2026-11-25T23:00"),
        ("day", "Europe/Rome", "2026-03-29T12:00", "2026-03-28T23:00", "2026-03-29T22:00"),  # 23 hours
        ("day", "Europe/Rome", "2026-10-25T12:00", "2026-10-24T22:00", "2026-10-25T23:00"),  # 25 hours
        ("day", "America/Santiago", "2026-09-06T12:00", "2026-09-06T04:00", "2026-09-07T03:00"),  # no midnight
        ("week", "UTC", "2026-11-29T23:59", "2026-11-23T00:00", "2026-11-30T00:00"),
        ("month", "Europe/Rome", "2026-11-30T23:30", "2026-11-30T23:00", "2026-12-31T23:00"),
        ("month", "Europe/Rome", "2026-10-31T22:30", "2026-09-30T22:00", "2026-10-31T23:00"),
        ("month", "UTC", "2026-12-31T23:59", "2026-12-01T00:00", "2027-01-01T00:00"),
        ("month", "UTC", "2028-02-29T12:00", "2028-02-01T00:00", "2028-03-01T00:00"),
    ],
)
def test_a_period_is_what_a_calendar_says(period: str, zone: str, at: str, starts: str, ends: str) -> None:
    assert periods.window(period, utc(at), zone) == (utc(starts), utc(ends))


def test_the_total_never_ends() -> None:
    assert periods.window("total", utc("2026-11-24T12:00"), "UTC") == (utc("1970-01-01T00:00"), None)


@given(
    st.datetimes(datetime(2020, 1, 2), datetime(2035, 1, 1), timezones=st.just(UTC)),
    st.sampled_from(["day", "week", "month"]),
    st.sampled_from(["UTC", "Europe/Rome", "America/Santiago", "Asia/Kathmandu", "Australia/Lord_Howe", "Asia/Beirut"]),
)
def test_every_moment_is_in_its_period_and_periods_follow_each_other(at: datetime, period: str, zone: str) -> None:
    starts, ends = periods.window(period, at, zone)
    assert ends is not None
    assert starts <= at < ends
    assert periods.window(period, ends, zone)[0] == ends
    assert periods.window(period, starts, zone) == (starts, ends)
    assert periods.window(period, ends - timedelta(microseconds=1), zone)[0] == starts
    assert starts.astimezone(ZoneInfo(zone)).hour <= 1
