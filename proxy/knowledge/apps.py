"""A tenant's documents."""

from django.apps import AppConfig
from django.utils.module_loading import import_string


class KnowledgeConfig(AppConfig):
    name = "proxy.knowledge"
    label = "knowledge"

    def ready(self) -> None:
        for module in ("removal", "indexes"):
            import_string(f"proxy.knowledge.{module}.connect")()
