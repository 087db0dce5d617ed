"""Messages to the worker. They only say that there is work: what it is stands in the database, and is never lost."""

import structlog
from celery import current_app
from kombu.exceptions import OperationalError

QUEUE = "documents"
INGEST = "proxy.knowledge.tasks.ingest"
TEND = "proxy.knowledge.tasks.tend"
EXPIRES_SECONDS = 60

log = structlog.get_logger(__name__)


def wake() -> None:
    """There are documents to read."""
    send(INGEST, QUEUE)


def tend() -> None:
    """There is something to remove."""
    send(TEND, "celery")


def send(task: str, queue: str) -> None:
    """Tell the worker that something is to be done; where that cannot be told, the timetable finds it."""
    try:
        current_app.send_task(task, queue=queue, expires=EXPIRES_SECONDS, ignore_result=True)
    except (OperationalError, OSError) as down:
        log.warning("the broker takes no message; the timetable will find the work", error=type(down).__name__)
