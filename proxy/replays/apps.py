"""Registers the application with Django."""

from django.apps import AppConfig


class ReplaysConfig(AppConfig):
    """Policies tried on what was asked before."""

    name = "proxy.replays"
    label = "replays"
    default_auto_field = "django.db.models.BigAutoField"
