"""The timetable's jobs exist, and do their work however often they run."""

from datetime import timedelta

import pytest
from celery.signals import worker_ready
from django.conf import settings
from django.utils import timezone

from proxy import tasks
from proxy.celery import app
from proxy.ledger.journal import Journal
from proxy.models import Heartbeat, UsageRecord
from tests.proxy.ledger import calls

pytestmark = pytest.mark.django_db


def test_every_entry_of_the_timetable_is_a_task_that_expires_before_its_next_turn():
    app.loader.import_default_modules()
    for entry in settings.CELERY_BEAT_SCHEDULE.values():
        assert entry["task"] in app.tasks
        assert entry["options"]["expires"] <= entry["schedule"]


def test_the_worker_says_that_it_lives():
    tasks.beat()
    Heartbeat.objects.update(at=timezone.now() - timedelta(hours=1))
    tasks.beat()
    assert timezone.now() - Heartbeat.objects.get(name=tasks.WORKER).at < timedelta(seconds=30)


def test_the_worker_says_so_as_soon_as_it_is_ready():
    worker_ready.send(sender=None)
    assert Heartbeat.objects.filter(name=tasks.WORKER).exists()


def test_the_worker_settles_the_calls_of_dead_processes():
    folder = settings.CONFIG.data_dir / "journal"
    journal = Journal.open(folder)
    calls.opened(journal, "a")
    journal.leave()
    tasks.recover_journals()
    assert UsageRecord.objects.get(id="a").state == "interrupted"
    tasks.recover_journals()
    tasks.close_lost_calls()
    assert UsageRecord.objects.count() == 1
