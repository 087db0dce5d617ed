"""What is read from sums by the hour is what the records add up to, whatever is asked."""

import os
import subprocess
import sys
from collections import defaultdict
from datetime import timedelta
from uuid import UUID

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from proxy.ledger.rollups import checking, sums, times
from proxy.ledger.rollups.sums import Sums
from proxy.ledger.usage_queries import ENDED_BADLY, Filter
from proxy.models import HourlyUsage, UsageRecord
from tests.journeys.server import ROOT
from tests.proxy.ledger.calls import NOON, build
from tests.proxy.ledger.rollups.test_keeping import TENANT, kinds

moments = st.none() | st.integers(-8000, 8000).map(lambda seconds: NOON + timedelta(seconds=seconds))
filters = st.builds(
    Filter,
    tenant_id=st.sampled_from([None, TENANT]),
    key_id=st.sampled_from([None, UUID(int=5)]),
    model=st.sampled_from(["", "claude-opus-5", "claude*"]),
    state=st.sampled_from(["", "", "completed", "started", "refused"]),
    status=st.sampled_from(["", "", "429", "4xx", "2xx"]),
    upstream_id=st.sampled_from([None, UUID(int=9)]),
    session=st.sampled_from(["", "", "s1"]),
    agent=st.sampled_from(["", "", "a1"]),
    search=st.sampled_from(["", "", "", "", "", "req_00000000", "nothing"]),
    begin=moments,
    end=moments,
)
columns = st.lists(
    st.sampled_from(
        ["tenant_id", "key_id", "model_asked", "upstream_id", "state", "status", "error_type", "hour", "minute"]
        + ["user_agent", "session_id", "agent_id"]
    ),
    max_size=3,
    unique=True,
)


def value_of(record: UsageRecord, column: str) -> object:
    if column in ("hour", "minute"):
        return record.started_at.replace(second=0, microsecond=0, **({"minute": 0} if column == "hour" else {}))
    value = getattr(record, column)
    if column == "status":
        return value or 0
    return ("" if value is None else str(value)) if column.endswith("_id") else value


def added_up(records: list[UsageRecord], wanted: Filter, by: list[str]) -> dict[tuple[object, ...], Sums]:
    groups: dict[tuple[object, ...], Sums] = defaultdict(Sums)
    for one in records:
        if wanted.matches(one) and one.state != "dry_run":
            written = one.cache_write_5m_tokens + one.cache_write_1h_tokens
            groups[tuple(value_of(one, column) for column in by)] += Sums(
                1,
                int(one.state in ENDED_BADLY),
                one.input_tokens,
                one.output_tokens,
                written,
                one.cache_read_tokens,
                one.cost_nano_usd,
            )
    return groups


def check(records: list[UsageRecord], wanted: Filter, by: list[str]) -> None:
    expected = added_up(records, wanted, by)
    found = sums.by(wanted, *by)
    assert {group.values: group.sums for group in found if group.sums.calls} == expected
    assert sums.total(wanted) == sum(expected.values(), Sums())
    if by:
        costliest = [group.sums.cost_nano_usd for group in sums.by(wanted, *by, most=2)]
        assert costliest == sorted((one.cost_nano_usd for one in expected.values()), reverse=True)[:2]
        last = {values[-1] for values in list(expected)[:2]} if by[-1] not in ("hour", "minute") else set()
        some = sums.by(wanted, *by, among=last)
        assert {group.values for group in some} == {values for values in expected if values[-1] in last}


@pytest.mark.django_db
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(kinds, max_size=12), filters, columns)
@example(
    [{"tenant_id": TENANT, "started_at": NOON}], Filter(TENANT, begin=NOON, end=NOON + timedelta(hours=1)), ["hour"]
)
def test_sums_are_those_of_the_records(made, wanted, by):
    UsageRecord.objects.all().delete()
    records = UsageRecord.objects.bulk_create(build(**kind) for kind in made)
    checking.rebuild()
    check(records, wanted, by)


@pytest.mark.django_db
def test_whole_hours_are_read_from_sums_and_the_rest_from_records():
    build(TENANT, started_at=NOON - timedelta(minutes=10)).save()
    build(TENANT, started_at=NOON + timedelta(minutes=10)).save()
    build(TENANT, started_at=NOON + timedelta(minutes=70)).save()
    checking.rebuild()
    HourlyUsage.objects.update(calls=100)
    wanted = Filter(TENANT, begin=NOON - timedelta(minutes=30), end=NOON + timedelta(minutes=90))
    assert sums.total(wanted).calls == 102


@pytest.mark.django_db
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(-7000, 7000), st.integers(0, 10**10)), max_size=30), st.integers(-7000, 3000))
def test_percentiles_are_as_near_as_they_say(calls, begin):
    UsageRecord.objects.all().delete()
    UsageRecord.objects.bulk_create(
        build(TENANT, started_at=NOON + timedelta(seconds=at), total_us=us, first_byte_us=None) for at, us in calls
    )
    checking.rebuild()
    total, first_byte = times.of(Filter(TENANT, begin=NOON + timedelta(seconds=begin), end=NOON + timedelta(hours=2)))
    assert first_byte == times.Times(None, None)
    known = sorted(us for at, us in calls if begin <= at)
    if not known:
        assert total == times.Times(None, None)
        return
    for found, true in ((total.p50, known[len(known) // 2]), (total.p95, known[int(len(known) * 0.95)])):
        assert found is not None and abs(found - true) <= max(1, 0.045 * true)


_ON_POSTGRES = """
import random
from dataclasses import replace
from datetime import timedelta
import django
django.setup()
from django.core.management import call_command
call_command("migrate", verbosity=0)
from proxy.ledger.rollups import checking
from proxy.models import UsageRecord
from tests.proxy.ledger.calls import NOON
from tests.proxy.ledger.rollups import test_sums as told
chance = random.Random(7)
states = [*UsageRecord.State.values, "completed"]
states = [chance.choice(states) for _ in range(300)]
records = UsageRecord.objects.bulk_create(told.build(
    chance.choice([told.TENANT, told.UUID(int=2)]), key_id=told.UUID(int=chance.randint(5, 6)),
    state=state, status=chance.choice([None, 429]) if state in told.ENDED_BADLY else 200,
    started_at=NOON + timedelta(seconds=chance.randint(-9000, 9000)),
    upstream_id=chance.choice([None, told.UUID(int=9)]), session_id=chance.choice(["", "s1"]),
    agent_id=chance.choice(["", "a1"]), cost_nano_usd=number, total_us=number * 1000)
    for number, state in enumerate(states))
checking.rebuild()
times = [NOON + timedelta(seconds=seconds) for seconds in (-8000, -3600, 0, 5000)]
for begin in (None, *times[:2]):
    for end in (None, *times[2:]):
        wanted = told.Filter(None, begin=begin, end=end)
        for narrow in ({}, {"tenant_id": told.TENANT}, {"session": "s1"}, {"status": "4xx"}, {"model": "claude*"},
                       {"search": "nothing"}):
            for by in ([], ["key_id"], ["hour", "state"], ["session_id", "agent_id"], ["minute"], ["upstream_id"],
                       ["tenant_id", "status"]):
                told.check(records, replace(wanted, **narrow), by)
        told.times.of(wanted)
print("done")
"""


@pytest.mark.slow
@pytest.mark.postgres
def test_postgresql_adds_up_alike(postgres_database):
    env = {**os.environ, "DATABASE_URL": postgres_database, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-W", "error", "-c", _ON_POSTGRES]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=300)
    assert done.stdout.strip() == "done", done.stderr[-3000:]
