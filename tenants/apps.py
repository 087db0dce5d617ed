"""Who may call: tenants, their members, keys and upstreams."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate

from tenants import append_only


class TenantsConfig(AppConfig):
    name = "tenants"

    def ready(self) -> None:
        post_migrate.connect(append_only.install, sender=self)
