"""The Celery application of the background worker."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "proxy.settings")

app = Celery("llm-proxy")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
