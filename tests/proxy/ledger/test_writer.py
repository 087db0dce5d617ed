"""The writing thread brings what is journalled into the database while the process lives, and ends with it."""

import time

import pytest
from django.db import connection
from structlog.testing import capture_logs

from proxy.call import Trace
from proxy.ledger.writer import Writer
from proxy.models import UsageRecord
from tests.proxy.ledger import calls

pytestmark = pytest.mark.django_db(transaction=True)


def states():
    return dict(UsageRecord.objects.values_list("id", "state"))


def wait_for(condition, seconds=10.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)


def test_stopping_writes_everything_and_leaves_no_file(new_journal, folder):
    journal = new_journal()
    writer = Writer(journal, pause_seconds=0.01)
    writer.start()
    for number in range(300):
        calls.completed(journal, f"{number:03}")
    writer.stop()
    assert not writer.is_alive
    assert UsageRecord.objects.filter(state="completed").count() == 300
    assert list(folder.iterdir()) == []


def test_stopping_under_calls_leaves_their_journal_to_a_recovery(new_journal, folder):
    journal = new_journal()
    writer = Writer(journal, pause_seconds=0.01)
    writer.start()
    calls.opened(journal, "a")
    writer.stop()
    assert states() == {"a": "started"}
    assert (folder / f"{journal.name}.lock").exists()


def test_a_database_outage_is_waited_for_and_told_once(new_journal, folder):
    journal = new_journal()
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE proxy_usagerecord RENAME TO gone")
    writer = Writer(journal, pause_seconds=0.01)
    try:
        with capture_logs() as lines:
            writer.start()
            entry = calls.opened(journal, "a")
            wait_for(lambda: any("wait in the journal" in line["event"] for line in lines))
            entry.settle(calls.DONE, Trace())
            time.sleep(0.1)  # some more attempts
            with connection.cursor() as cursor:
                cursor.execute("ALTER TABLE gone RENAME TO proxy_usagerecord")
            wait_for(lambda: any("written again" in line["event"] for line in lines))
        told = [line["log_level"] for line in lines if line["event"].startswith("usage records")]
        assert told == ["error", "warning"]
    finally:
        writer.stop()
    assert states() == {"a": "completed"}


def test_a_database_that_stays_away_does_not_hold_up_the_end(new_journal, folder):
    journal = new_journal()
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE proxy_usagerecord RENAME TO gone")
    try:
        writer = Writer(journal, pause_seconds=0.01)
        writer.start()
        calls.completed(journal, "a")
        began = time.monotonic()
        with capture_logs():
            writer.stop()
        assert time.monotonic() - began < 5
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE gone RENAME TO proxy_usagerecord")
    assert len(list(folder.glob("*.jsonl"))) == 1
