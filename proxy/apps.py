"""What carries calls: the doors, the pipeline, the upstreams and the ledger."""

from django.apps import AppConfig
from django.utils.module_loading import import_string


class ProxyConfig(AppConfig):
    name = "proxy"

    def ready(self) -> None:
        import_string("proxy.answers.removal.connect")()
