"""Before a large body is taken in for a page, the server asks whose it is and where it goes."""

from typing import Any

import pytest
from django.contrib.auth.models import User

from admin_ui import uploads
from tenants.models import Collection, Membership, Tenant
from tests.admin_ui.test_live import HOST, OWN, _closed_connections, cookie  # noqa: F401

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def path() -> str:
    acme = Tenant.objects.create(slug="acme", name="Acme")
    Tenant.objects.create(slug="globex", name="Globex")
    for role in ("owner", "admin", "member", "viewer"):
        Membership.objects.create(user=User.objects.create_user(role), tenant=acme, role=role)
    return f"/t/acme/collections/{Collection.objects.create(tenant=acme, name='handbook').pk}/upload/"


async def is_welcome(path: str, name: str, *headers: tuple[bytes, bytes], method: str = "POST") -> bool:
    own = headers or (HOST, OWN)
    held = [await cookie(await User.objects.aget(username=name))] if name else []
    scope: dict[str, Any] = {"method": method, "path": path, "headers": [*own, *held]}
    return await uploads.is_welcome(scope)


async def test_who_may_write_there_is_welcome_and_nobody_else(path):
    await User.objects.acreate(username="outsider")
    await User.objects.acreate(username="root", is_superuser=True)
    welcome = {name: await is_welcome(path, name) for name in ("owner", "admin", "member", "root")}
    assert set(welcome.values()) == {True}, welcome
    others = {name: await is_welcome(path, name) for name in ("viewer", "outsider", "")}
    assert set(others.values()) == {False}, others


@pytest.mark.parametrize(
    "other",
    [
        "/t/globex/collections/{pk}/upload/",
        "/t/acme/collections/00000000-0000-0000-0000-000000000001/upload/",
        "/t/acme/collections/------------------------------------/upload/",
        "/t/acme/collections/{pk}/upload",
        "/t/acme/collections/{pk}/upload/x",
        "/x/t/acme/collections/{pk}/upload/",
        "/t/acme/collections/{pk}/search/",
    ],
)
async def test_no_other_address_takes_more(path, other):
    assert not await is_welcome(other.format(pk=path.split("/")[4]), "owner")


async def test_neither_another_site_nor_another_method_does(path):
    evil = (b"origin", b"https://evil.test")
    for headers in ((HOST, evil), (HOST,), (OWN,), (HOST, OWN, evil)):
        assert not await is_welcome(path, "owner", *headers)
    assert not await is_welcome(path, "owner", method="PUT")


async def test_a_collection_that_is_not_open_to_the_role_is_none(path):
    await Collection.objects.aupdate(roles=["owner"])
    assert [await is_welcome(path, name) for name in ("member", "admin")] == [False, True]


async def test_a_tenant_that_wants_a_second_factor_gets_it(path):
    await Tenant.objects.filter(slug="acme").aupdate(require_mfa=True)
    assert not await is_welcome(path, "owner")
