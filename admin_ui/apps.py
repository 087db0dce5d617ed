"""The pages people look at."""

from django.apps import AppConfig


class AdminUiConfig(AppConfig):
    name = "admin_ui"
