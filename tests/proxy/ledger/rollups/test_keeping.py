"""Rollups say what their records add up to: whatever is written, twice, anew, or in any order."""

import os
import subprocess
import sys
from datetime import timedelta
from uuid import UUID

import pytest
from django.core.management import call_command
from django.db import connection, transaction
from django.db.migrations.executor import MigrationExecutor
from django.db.models import Sum
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from proxy.call import Trace
from proxy.formats.usage import Usage
from proxy.ledger import recovery
from proxy.ledger.consumer import Consumer
from proxy.ledger.rollups import checking, keeping
from proxy.ledger.usage_queries import ENDED_BADLY
from proxy.models import HourlyClient, HourlyLatency, HourlyUsage, UsageRecord
from tests.journeys.server import ROOT
from tests.proxy.ledger import calls
from tests.proxy.ledger.calls import NOON, build

pytestmark = pytest.mark.django_db

TENANT = UUID(int=1)
kinds = st.fixed_dictionaries(
    {
        "tenant_id": st.sampled_from([TENANT, UUID(int=2)]),
        "key_id": st.sampled_from([UUID(int=5), UUID(int=6)]),
        "state": st.sampled_from(UsageRecord.State.values),
        "status": st.sampled_from([None, 200, 429]),
        "error_type": st.sampled_from(["", "rate_limit_error"]),
        "endpoint": st.sampled_from(["messages", "count_tokens"]),
        "model_asked": st.sampled_from(["claude-opus-5", "", "m'\"%s"]),
        "upstream_id": st.sampled_from([None, UUID(int=9)]),
        "started_at": st.integers(-7300, 7300).map(lambda seconds: NOON + timedelta(seconds=seconds)),
        "user_agent": st.sampled_from(["", "a/1", "b/2"]),
        "session_id": st.sampled_from(["", "s1"]),
        "agent_id": st.sampled_from(["", "a1"]),
        "input_tokens": st.integers(0, 10**9),
        "cache_write_1h_tokens": st.integers(0, 99),
        "cost_nano_usd": st.integers(0, 10**12),
        "first_byte_us": st.none() | st.integers(0, 10**10),
        "total_us": st.none() | st.integers(0, 10**10),
    }
).map(lambda kind: {**kind, "status": kind["status"] if kind["state"] in ENDED_BADLY else 200})


def write(*records: UsageRecord) -> None:
    """As the ledger does: over what there is."""
    with transaction.atomic(), keeping.counted([record.pk for record in records]):
        for record in records:
            record.save()


def sums() -> list[int]:
    return [model.objects.aggregate(n=Sum("calls"))["n"] or 0 for model in (HourlyUsage, HourlyClient, HourlyLatency)]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(st.tuples(st.integers(0, 4), kinds), max_size=5), max_size=6))
def test_rollups_are_the_sums_of_their_records_whatever_is_written_over_what(batches):
    UsageRecord.objects.all().delete()
    checking.rebuild()
    for batch in batches:
        write(*(build(id=f"req_{number}", **kind) for number, kind in dict(batch).items()))
        assert list(checking.drifts()) == []
    kept = list(HourlyUsage.objects.filter(calls__gt=0).order_by("id").values_list("calls", "input_tokens"))
    checking.rebuild()
    assert list(checking.drifts()) == []
    assert sorted(kept) == sorted(HourlyUsage.objects.values_list("calls", "input_tokens"))


def test_a_call_counts_when_it_ends_and_once_however_often_its_journal_is_read(journal):
    consumer = Consumer(journal.directory, journal.name)
    entry = calls.opened(journal, "a")
    entry.progress(calls.USAGE)
    consumer.drain()
    assert sums() == [0, 0, 0]
    entry.settle(calls.DONE, Trace())
    for _ in range(3):
        Consumer(journal.directory, journal.name).drain()
    assert sums()[:2] == [1, 1]
    assert HourlyUsage.objects.values_list("input_tokens", "output_tokens", "asked").get() == (10, 20, 1)
    assert list(checking.drifts()) == []


def test_calls_of_a_killed_process_are_counted_and_so_is_a_late_end(journal):
    entry = calls.opened(journal, "a")
    entry.progress(Usage(output_tokens=7))
    Consumer(journal.directory, journal.name).drain()
    UsageRecord.objects.update(started_at=NOON)
    recovery.close_lost()
    assert HourlyUsage.objects.values_list("state", "output_tokens").get() == ("interrupted", 7)
    entry.settle(calls.DONE, Trace())
    Consumer(journal.directory, journal.name).drain()
    assert set(HourlyUsage.objects.filter(calls__gt=0).values_list("state", "output_tokens")) == {("completed", 20)}
    assert list(checking.drifts()) == []


def test_the_command_finds_what_is_wrong_and_mends_it(capsys):
    calls.store(TENANT)
    calls.store(TENANT, model_asked="other")
    call_command("rollups", "--rebuild")
    assert "Every sum is" in capsys.readouterr().out
    HourlyUsage.objects.filter(model_asked="other").update(cost_nano_usd=1)
    HourlyLatency.objects.all().delete()
    with pytest.raises(SystemExit):
        call_command("rollups")
    out = capsys.readouterr().out
    assert "proxy_hourlyusage: 2 rows differ" in out and "proxy_hourlylatency: 1 rows differ" in out
    call_command("rollups", "--rebuild")


def store_as_of_0004(records):
    """Records as a version wrote them that knew fewer of their columns."""
    state = MigrationExecutor(connection).loader.project_state([("proxy", "0004_budgets")])
    old = state.apps.get_model("proxy", "UsageRecord")
    names = [field.attname for field in old._meta.concrete_fields]
    old.objects.bulk_create([old(**{name: getattr(record, name) for name in names}) for record in records])


@pytest.mark.django_db(transaction=True)
def test_the_migration_adds_up_what_there_was():
    executor = MigrationExecutor(connection)
    executor.migrate([("proxy", "0004_budgets")])
    try:
        record = build(TENANT, first_byte_us=0)
        store_as_of_0004([record, build(TENANT, upstream_id=None, state="refused"), build(UUID(int=2))])
    finally:
        MigrationExecutor(connection).migrate(executor.loader.graph.leaf_nodes())
    assert list(checking.drifts()) == []
    assert sums() == [3, 3, 4]


_ON_POSTGRES = """
import django
django.setup()
from django.core.management import call_command
call_command("migrate", "proxy", "0004", verbosity=0)
from uuid import UUID
from django.db import transaction
from proxy.ledger.rollups import checking, keeping
from proxy.ledger.usage_queries import ENDED_BADLY
from proxy.models import HourlyUsage
from tests.proxy.ledger.calls import build
from tests.proxy.ledger.rollups.test_keeping import store_as_of_0004
store_as_of_0004([build(UUID(int=1)), build(UUID(int=1), upstream_id=None, state="refused", status=429)])
call_command("migrate", verbosity=0)
assert list(checking.drifts()) == []
record = build(UUID(int=1), id="a", model_asked="x", first_byte_us=0)
for cost in (5, 7):
    record.cost_nano_usd = cost
    with transaction.atomic(), keeping.counted(["a"]):
        record.save()
    assert list(checking.drifts()) == []
assert HourlyUsage.objects.get(model_asked="x").cost_nano_usd == 7
HourlyUsage.objects.update(calls=9)
assert len(list(checking.drifts())) == 1
checking.rebuild()
assert list(checking.drifts()) == []
print("done")
"""


@pytest.mark.slow
@pytest.mark.postgres
def test_postgresql_counts_alike(postgres_database):
    env = {**os.environ, "DATABASE_URL": postgres_database, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", _ON_POSTGRES],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.stdout.strip() == "done", done.stderr[-3000:]
