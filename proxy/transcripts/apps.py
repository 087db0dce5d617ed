"""Registers the application with Django."""

from django.apps import AppConfig


class TranscriptsConfig(AppConfig):
    """What was said in calls."""

    name = "proxy.transcripts"
    label = "transcripts"
    default_auto_field = "django.db.models.BigAutoField"
