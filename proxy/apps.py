"""What carries calls: the doors, the pipeline, the upstreams and the ledger."""

from django.apps import AppConfig


class ProxyConfig(AppConfig):
    name = "proxy"
