"""Registers the application with Django."""

from django.apps import AppConfig


class AlertsConfig(AppConfig):
    """What happened, and who was told."""

    name = "proxy.alerts"
    label = "alerts"
    default_auto_field = "django.db.models.BigAutoField"
