"""The cast: acme with its owner Alice and its member Bob, globex with its owner Charlie, the outsider."""

import pytest
from django.contrib.auth.models import User

from tenants.models import Membership, Tenant


@pytest.fixture
def acme(db: None) -> Tenant:
    return Tenant.objects.create(slug="acme", name="Acme Corp", timezone="Europe/Rome")


@pytest.fixture
def globex(db: None) -> Tenant:
    return Tenant.objects.create(slug="globex", name="Globex")


@pytest.fixture
def alice(acme: Tenant) -> User:
    return _member("alice", acme, "owner")


@pytest.fixture
def bob(acme: Tenant) -> User:
    return _member("bob", acme, "member")


@pytest.fixture
def charlie(globex: Tenant) -> User:
    return _member("charlie", globex, "owner")


def _member(name: str, tenant: Tenant, role: str) -> User:
    user = User.objects.create_user(name, f"{name}@{tenant.slug}.example")
    Membership.objects.create(user=user, tenant=tenant, role=role)
    return user
