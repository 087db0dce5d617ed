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
    _send(INGEST, QUEUE)


def tend() -> None:
    """There is something to remove."""
    _send(TEND, "celery")


def _send(task: str, queue: str) -> None:
    try:
        current_app.send_task(task, queue=queue, expires=EXPIRES_SECONDS, ignore_result=True)
    except (OperationalError, OSError) as down:
        log.warning("the broker takes no message; the timetable will find the work", error=type(down).__name__)
