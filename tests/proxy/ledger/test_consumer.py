"""What stands in a journal stands in the database: once, whole, and however often it is read."""

import json
import os
from dataclasses import replace
from uuid import uuid4

import pytest
from django.db import connection
from django.db.utils import DatabaseError
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from proxy.call import Trace
from proxy.formats.usage import Usage
from proxy.ledger import journal as journals
from proxy.ledger.consumer import Consumer
from proxy.ledger.reader import CHUNK_BYTES
from proxy.models import UsageRecord
from tenants import actions
from tests.proxy import build
from tests.proxy.ledger import calls

pytestmark = pytest.mark.django_db


def states():
    return dict(UsageRecord.objects.values_list("id", "state"))


def rows():
    return list(UsageRecord.objects.order_by("id").values())


def drain(journal, **options):
    return Consumer(journal.directory, journal.name).drain(**options)


def damage(journal, raw: bytes) -> None:
    with journals.segments(journal.directory, journal.name)[-1].open("ab") as file:
        file.write(raw)


def test_a_call_under_way_is_a_row_that_its_end_completes(journal):
    consumer = Consumer(journal.directory, journal.name)
    entry = calls.opened(journal, "a")
    consumer.drain()
    assert states() == {"a": "started"}
    entry.settle(calls.DONE, Trace())
    consumer.drain()
    row = UsageRecord.objects.get()
    assert (row.state, row.input_tokens, row.output_tokens, row.status) == ("completed", 10, 20, 200)
    assert row.process == journal.name


def test_a_journal_read_twice_leaves_the_same_rows(journal):
    for number in range(5):
        calls.completed(journal, f"closed-{number}")
    calls.opened(journal, "open").progress(calls.USAGE)
    drain(journal)
    once = rows()
    drain(journal)
    assert rows() == once and len(once) == 6


def test_a_replay_from_the_start_never_reopens_a_call_on_the_way(journal):
    entry = calls.opened(journal, "a")
    damage(journal, b"\n" * CHUNK_BYTES)  # the end is in another chunk than the beginning
    entry.settle(calls.DONE, Trace())
    drain(journal)
    again = Consumer(journal.directory, journal.name)
    again.step()
    assert states() == {"a": "completed"}
    again.drain()
    assert states() == {"a": "completed"}


def test_late_progress_does_not_change_a_closed_call(journal):
    calls.completed(journal, "a")
    drain(journal)
    journal.append(journals.PROGRESS, {"id": "a", "input_tokens": 999})
    drain(journal)
    assert UsageRecord.objects.get().input_tokens == 10


def test_the_end_of_a_call_given_up_for_lost_is_the_last_word(journal):
    entry = calls.opened(journal, "a")
    consumer = Consumer(journal.directory, journal.name)
    consumer.drain()
    UsageRecord.objects.update(state="interrupted", is_usage_estimated=True)
    entry.settle(calls.DONE, Trace())
    consumer.drain()
    row = UsageRecord.objects.get()
    assert row.state == "completed" and not row.is_usage_estimated


def test_progress_is_noted_with_its_cost(journal):
    calls.opened(journal, "a").progress(Usage(input_tokens=1_000_000))
    drain(journal)
    row = UsageRecord.objects.get()
    assert (row.state, row.input_tokens, row.cost_nano_usd) == ("started", 1_000_000, 5 * 10**9)
    assert row.is_price_default


def test_a_torn_line_costs_nothing_but_itself(journal):
    calls.completed(journal, "a")
    damage(journal, b'{"kind":"close","id":"torn","st\n\xff\xfe\n[1]\nnull\n{"kind":"close"}\n')
    calls.completed(journal, "b")
    drain(journal)
    assert states() == {"a": "completed", "b": "completed"}


def test_an_unfinished_line_waits_for_its_rest(journal):
    consumer = Consumer(journal.directory, journal.name)
    calls.completed(journal, "a")
    path = journals.segments(journal.directory, journal.name)[0]
    whole = path.read_bytes()
    os.truncate(path, len(whole) - 7)
    consumer.drain()
    assert states() == {"a": "started"}
    os.truncate(path, len(whole) - 7)
    damage(journal, whole[-7:])
    consumer.drain()
    assert states() == {"a": "completed"}


def test_a_dead_journals_last_line_counts_without_its_newline(journal):
    calls.completed(journal, "a")
    path = journals.segments(journal.directory, journal.name)[0]
    os.truncate(path, path.stat().st_size - 1)
    drain(journal, is_dead=True)
    assert states() == {"a": "completed"}


def test_garbage_longer_than_a_chunk_is_passed_over(journal):
    damage(journal, b"x" * (2 * CHUNK_BYTES) + b"\n")
    calls.completed(journal, "a")
    drain(journal)
    assert states() == {"a": "completed"}


def test_segments_are_deleted_when_they_are_in_the_database(new_journal, folder):
    journal = new_journal(segment_bytes=4000)
    entry = calls.opened(journal, "long")
    entry.progress(calls.USAGE)
    for number in range(20):
        calls.completed(journal, f"{number:02}")
    assert len(journals.segments(folder, journal.name)) > 5
    consumer = Consumer(folder, journal.name)
    consumer.drain()
    assert len(journals.segments(folder, journal.name)) == 1
    assert UsageRecord.objects.filter(state="completed").count() == 20
    assert UsageRecord.objects.get(id="long").output_tokens == 20  # its progress went with the first segment
    entry.settle(calls.DONE, Trace())
    consumer.drain()
    assert states()["long"] == "completed"


def test_a_deleted_segment_takes_no_progress_with_it(new_journal, folder):
    journal = new_journal(segment_bytes=2000)
    calls.opened(journal, "long").progress(calls.USAGE)
    for number in range(3):
        calls.completed(journal, str(number))
    first = journals.segments(folder, journal.name)[0]
    consumer = Consumer(folder, journal.name)
    while first.exists():
        consumer.step()  # and no further: the process is killed here
    assert UsageRecord.objects.get(id="long").output_tokens == 20


def test_two_journals_side_by_side_lose_and_mix_nothing(new_journal):
    first, second = new_journal(), new_journal()
    consumers = [Consumer(journal.directory, journal.name) for journal in (first, second)]
    for number in range(10):
        calls.completed(first, f"first-{number}")
        calls.completed(second, f"second-{number}")
        for consumer in consumers:
            consumer.step()
    assert UsageRecord.objects.filter(process=first.name, id__startswith="first", state="completed").count() == 10
    assert UsageRecord.objects.filter(process=second.name, id__startswith="second", state="completed").count() == 10


def test_a_row_that_the_database_refuses_does_not_stop_the_others(journal):
    calls.completed(journal, "a")
    journal.append(journals.CLOSE, {"id": "bad", "key_id": str(uuid4()), "started_at": "2026-01-01T00:00:00+00:00"})
    calls.completed(journal, "b")
    drain(journal)
    assert states() == {"a": "completed", "b": "completed"}


@pytest.mark.django_db(transaction=True)
def test_what_a_database_outage_interrupts_is_done_again(journal):
    consumer = Consumer(journal.directory, journal.name)
    calls.completed(journal, "a")
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE proxy_usagerecord RENAME TO gone")
    try:
        for _ in range(3):
            with pytest.raises(DatabaseError):
                consumer.step()
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE gone RENAME TO proxy_usagerecord")
    calls.completed(journal, "b")
    consumer.drain()
    assert states() == {"a": "completed", "b": "completed"}


def test_a_key_is_marked_as_used_once_a_minute(journal, acme):
    key = actions.issue_key(actor="alice", tenant=acme, name="ci").key
    other = actions.issue_key(actor="alice", tenant=acme, name="other").key
    caller = replace(build.caller(tenant_id=acme.pk), key_id=key.pk)
    consumer = Consumer(journal.directory, journal.name)
    calls.completed(journal, "a", by=caller)
    consumer.drain()
    key.refresh_from_db()
    first = key.last_used_at
    assert first == UsageRecord.objects.get().started_at
    calls.completed(journal, "b", by=caller)
    with CaptureQueriesContext(connection) as queries:
        consumer.drain()
    assert not [query for query in queries if "apikey" in query["sql"]]
    key.refresh_from_db()
    other.refresh_from_db()
    assert key.last_used_at == first and other.last_used_at is None


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_order_of_kills_and_replays_ends_with_the_same_rows(new_journal, data):
    """Steps of fresh and of continued consumers, between lines, in any mixture."""
    UsageRecord.objects.all().delete()
    journal = new_journal(segment_bytes=data.draw(st.sampled_from([1500, 6000, 10**6])))
    consumer = Consumer(journal.directory, journal.name)
    entries, closed = {}, set()
    for number, act in enumerate(data.draw(st.lists(st.sampled_from("oppcccrs"), max_size=25))):
        waiting = sorted(entries.keys() - closed)
        if act == "o":
            entries[f"{number:03}"] = calls.opened(journal, f"{number:03}")
        elif act == "r":
            consumer = Consumer(journal.directory, journal.name)
        elif act == "s":
            consumer.step()
        elif waiting and act == "p":
            entries[waiting[0]].progress(Usage(output_tokens=number))
        elif waiting:
            entries[waiting[-1]].settle(calls.DONE, Trace())
            closed.add(waiting[-1])
    consumer.drain(is_dead=True)
    assert states() == {id: "completed" if id in closed else "started" for id in entries}
    journal.leave()


def test_a_trace_arrives_as_it_was(journal):
    trace = Trace()
    trace.note("routing", 0.0, upstream="münchen", tries=[1, 2], reason=None)
    calls.opened(journal, "a").settle(calls.DONE, trace)
    drain(journal)
    assert UsageRecord.objects.get().trace == json.loads(json.dumps(trace.as_json()))
