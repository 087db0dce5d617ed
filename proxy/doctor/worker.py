"""Whether background work is being done."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from proxy.doctor.finding import Finding, fail, ok
from proxy.models import Heartbeat

_LATE = timedelta(minutes=3)
_REMEDY = "Start `celery -A proxy worker -B` (`make run` does), and look at its log."


def check(*, at: datetime) -> Iterator[Finding]:
    """A finding for each background process that ever ran."""
    heartbeats = list(Heartbeat.objects.order_by("name"))
    if not heartbeats:
        yield fail("worker", "no background worker has ever run here: usage is not cleaned up", _REMEDY)
    for heartbeat in heartbeats:
        silent = at - heartbeat.at
        name = f"worker {heartbeat.name}" if heartbeat.name != "worker" else "worker"
        if silent > _LATE:
            yield fail(name, f"silent for {silent.total_seconds() / 60:.0f} minutes", _REMEDY)
        else:
            yield ok(name, f"last heard {max(silent.total_seconds(), 0):.0f} s ago")
