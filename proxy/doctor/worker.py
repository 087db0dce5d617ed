"""Whether background work is being done."""

from datetime import datetime, timedelta

from proxy import tasks
from proxy.doctor.finding import Finding, fail, ok
from proxy.models import Heartbeat

_LATE = timedelta(minutes=3)
_REMEDY = "Start `celery -A proxy.celery worker --beat` (`make run` does it by itself), and look at its log."


def check(*, at: datetime) -> Finding:
    """When the worker's timetable last did something."""
    heartbeat = Heartbeat.objects.filter(name=tasks.WORKER).first()
    if heartbeat is None:
        return fail("worker", "no background worker has ever run here", _REMEDY)
    silent = at - heartbeat.at
    if silent > _LATE:
        return fail("worker", f"silent for {silent.total_seconds() / 60:.0f} minutes", _REMEDY)
    return ok("worker", f"last heard {max(silent.total_seconds(), 0):.0f} s ago")
