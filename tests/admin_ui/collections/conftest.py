"""Collections of acme and globex as in the engine's own tests, and somebody who looks at their pages."""

import time
from types import SimpleNamespace

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.test import Client

from tenants import actions
from tenants.models import Tenant
from tests.proxy.knowledge.conftest import (  # noqa: F401
    _folder,
    _quick_model,
    _quick_reader,
    handbook,
    rival,
    woken,
)


@pytest.fixture
def _same_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is counted by the minute is counted from nothing, and the minute does not end."""
    cache.clear()
    now = time.time()
    monkeypatch.setattr("django_ratelimit.core.time", SimpleNamespace(time=lambda: now))


@pytest.fixture
def owner(client: Client, alice: User) -> Client:
    client.force_login(alice)
    return client


@pytest.fixture
def member(acme: Tenant, bob: User) -> Client:
    client = Client()
    client.force_login(bob)
    return client


@pytest.fixture
def viewer(acme: Tenant) -> Client:
    vera = User.objects.create_user("vera")
    actions.set_role(actor="x", tenant=acme, user=vera, role="viewer")
    client = Client()
    client.force_login(vera)
    return client
