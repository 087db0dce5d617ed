"""Served as `daphne benchmarks.naive.asgi:application`, with DJANGO_SETTINGS_MODULE=benchmarks.naive.settings."""

from django.core.asgi import get_asgi_application

application = get_asgi_application()
