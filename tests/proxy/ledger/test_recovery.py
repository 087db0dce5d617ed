"""The calls of a process that died are settled from its journal, or in the end without it."""

from datetime import timedelta

import pytest
from django.utils import timezone

from proxy.call import Trace
from proxy.formats.usage import Usage
from proxy.ledger import recovery
from proxy.ledger.consumer import Consumer
from proxy.models import UsageRecord
from tests.proxy.ledger import calls

pytestmark = pytest.mark.django_db


def test_a_dead_processs_calls_are_completed_or_interrupted_and_its_files_deleted(new_journal, folder):
    journal = new_journal()
    calls.completed(journal, "done")
    calls.opened(journal, "silent")
    calls.opened(journal, "talking").progress(Usage(output_tokens=1_000_000))
    journal.leave()
    assert recovery.recover(folder) == recovery.Recovered(journals=1, lines=5, interrupted=2)
    done, silent, talking = UsageRecord.objects.order_by("id")
    assert done.state == "completed" and not done.is_usage_estimated
    for row in (silent, talking):
        assert (row.state, row.is_usage_estimated, row.error_type) == ("interrupted", True, "interrupted")
        assert row.started_at <= row.ended_at <= timezone.now()
    assert (silent.cost_nano_usd, talking.cost_nano_usd) == (0, 25 * 10**9)
    assert list(folder.iterdir()) == []
    assert recovery.recover(folder) == recovery.Recovered()


def test_what_the_process_wrote_before_it_died_is_not_written_twice(new_journal, folder):
    journal = new_journal()
    calls.completed(journal, "a")
    calls.opened(journal, "b")
    Consumer(folder, journal.name).drain()
    journal.leave()
    recovery.recover(folder)
    assert dict(UsageRecord.objects.values_list("id", "state")) == {"a": "completed", "b": "interrupted"}


def test_a_living_process_is_left_alone(new_journal, folder):
    living, dead = new_journal(), new_journal()
    entry = calls.opened(living, "living")
    Consumer(folder, living.name).drain()
    calls.opened(dead, "dead")
    dead.leave()
    recovery.recover(folder)
    assert dict(UsageRecord.objects.values_list("id", "state")) == {"living": "started", "dead": "interrupted"}
    entry.settle(calls.DONE, Trace())
    assert (folder / f"{living.name}.lock").exists()


def test_a_folder_that_does_not_exist_yet_has_nothing_to_recover(tmp_path):
    assert recovery.recover(tmp_path / "none") == recovery.Recovered()


def test_calls_whose_journal_is_gone_are_closed_when_no_call_can_last_so_long(journal):
    calls.opened(journal, "new")
    calls.opened(journal, "old")
    calls.completed(journal, "done")
    Consumer(journal.directory, journal.name).drain()
    long_ago = timezone.now() - timedelta(hours=3)
    UsageRecord.objects.filter(id__in=["old", "done"]).update(started_at=long_ago)
    assert recovery.close_lost() == 1
    assert recovery.close_lost() == 0
    states = dict(UsageRecord.objects.values_list("id", "state"))
    assert states == {"new": "started", "old": "interrupted", "done": "completed"}
