"""The Celery application of the background worker."""

import gc
import os
from typing import Any

from celery import Celery, signals
from celery.exceptions import WorkerShutdown

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "proxy.settings")

app = Celery("llm-proxy")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@signals.worker_shutting_down.connect  # type: ignore[untyped-decorator]  # celery has no types
def stop_without_delay(how: str, **_: Any) -> None:
    """End the wait for a message at once: without a broker of its own the worker would look up only seconds later.

    Jobs that run are still waited for.
    """
    gc.freeze()  # at its end Python would look through all that is loaded, for as long as the rest takes
    if how == "Warm" and app.conf.broker_url.startswith("filesystem:"):
        raise WorkerShutdown(0)
