"""Who may call: tenants, their members, keys and upstreams."""

from django.apps import AppConfig


class TenantsConfig(AppConfig):
    name = "tenants"
