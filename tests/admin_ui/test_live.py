"""Live requests: who may watch, what they are sent, and that nobody is slowed or flooded by it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any
from uuid import UUID

import pytest
from channels.db import database_sync_to_async
from channels.testing import WebsocketCommunicator
from django.contrib.auth.models import User
from django.db import DatabaseError, connections
from django.test import AsyncClient
from django.utils import timezone

from admin_ui import consumers, feeds, live, rights, sockets
from admin_ui.live import Feed
from proxy.ledger.usage_queries import Filter, Settled
from proxy.models import UsageRecord
from tenants.models import AuditHead, Membership, Tenant
from tests.proxy.ledger.calls import build

ACME, GLOBEX = UUID(int=1), UUID(int=2)
HOST = (b"host", b"proxy.test")
OWN = (b"origin", b"https://proxy.test")


@pytest.fixture(autouse=True)
async def _closed_connections() -> AsyncIterator[None]:
    """The thread behind consumers keeps its connection, which PostgreSQL would not let the test database go for."""
    yield
    await database_sync_to_async(connections.close_all)()


@pytest.fixture
def feed(monkeypatch: pytest.MonkeyPatch) -> Feed:
    """A feed of this test's event loop, which looks more often."""
    made = Feed(live.FEED._look, poll_seconds=0.02)
    monkeypatch.setattr(live, "FEED", made)
    return made


@pytest.fixture
def guard(monkeypatch: pytest.MonkeyPatch) -> rights.Guard:
    """A guard of this test's event loop, which looks more often; the slow question would come too late."""
    made = rights.Guard(rights.GUARD._look, poll_seconds=0.02)
    monkeypatch.setattr(rights, "GUARD", made)
    assert consumers.CHECK_SECONDS > 5
    return made


async def audited() -> None:
    """As an action leaves the trail: a real entry could not be taken away after a test that commits."""
    await AuditHead.objects.aupdate_or_create(pk=1, defaults={"revision": 7})


async def cookie(user: User) -> tuple[bytes, bytes]:
    client = AsyncClient()
    await client.aforce_login(user)
    return (b"cookie", f"sessionid={client.cookies['sessionid'].value}".encode())


async def person(name: str, tenant: Tenant | None = None, **fields: Any) -> User:
    user = await User.objects.acreate(username=name, **fields)
    if tenant is not None:
        await Membership.objects.acreate(user=user, tenant=tenant, role="viewer")
    return user


@asynccontextmanager
async def socket(path: str, *headers: tuple[bytes, bytes]) -> AsyncIterator[tuple[WebsocketCommunicator, bool]]:
    """A connection and whether it was let in."""
    asked = WebsocketCommunicator(sockets.application, path, headers=list(headers))
    connected, _code = await asked.connect(timeout=5)
    try:
        yield asked, connected
    finally:
        await asked.disconnect()


pytestmark = pytest.mark.django_db(transaction=True)


async def test_a_member_is_sent_the_calls_of_the_tenant_as_they_end(feed):
    acme = await Tenant.objects.acreate(slug="acme", name="Acme")
    bob = await person("bob", acme)
    async with socket("/ws/t/acme/requests/?state=failed", HOST, OWN, await cookie(bob)) as (asked, connected):
        assert connected and (await asked.receive_json_from(5))["kind"] == "ready"
        await asyncio.sleep(0.1)
        for tenant_id, fields in (
            (GLOBEX, {"state": "failed"}),
            (acme.pk, {"state": "completed"}),
            (acme.pk, {"state": "failed", "model_asked": "<script>x</script>"}),
        ):
            await build(tenant_id, ended_at=timezone.now(), **fields).asave(force_insert=True)
        message = await asked.receive_json_from(5)
        assert (message["kind"], message["count"], message["dropped"]) == ("rows", 1, 0)
        assert "&lt;script&gt;x" in message["html"] and "<script>" not in message["html"]
        assert await asked.receive_nothing(0.2)
    assert not feed.is_running


async def test_staff_may_watch_all_tenants_and_nobody_else(feed):
    acme = await Tenant.objects.acreate(slug="acme", name="Acme")
    bob, root = await person("bob", acme), await person("root", is_superuser=True, is_staff=True)
    async with socket("/ws/requests/", HOST, OWN, await cookie(bob)) as (_asked, connected):
        assert not connected
    async with socket("/ws/requests/", HOST, OWN, await cookie(root)) as (asked, connected):
        assert connected and (await asked.receive_json_from(5))["kind"] == "ready"


@pytest.mark.parametrize(
    "headers",
    [
        [HOST],
        [HOST, (b"origin", b"https://evil.test")],
        [HOST, (b"origin", b"https://proxy.test.evil.test")],
        [HOST, (b"origin", b"https://evil.test/https://proxy.test")],
        [HOST, (b"origin", b"https://proxy.test:8443")],
        [HOST, (b"origin", b"https://u@proxy.test")],
        [HOST, (b"origin", b"null")],
        [HOST, OWN, OWN],
        [HOST, HOST, OWN],
        [OWN],
        [(b"host", b""), OWN],
    ],
)
async def test_another_sites_page_may_not_listen(feed, headers):
    acme = await Tenant.objects.acreate(slug="acme", name="Acme")
    async with socket("/ws/t/acme/requests/", *headers, await cookie(await person("bob", acme))) as (_, connected):
        assert not connected


@pytest.mark.parametrize("slug", ["acme", "nowhere"])
async def test_an_outsider_and_a_stranger_may_not_listen(feed, slug):
    await Tenant.objects.acreate(slug="acme", name="Acme")
    globex = await Tenant.objects.acreate(slug="globex", name="Globex")
    charlie = await cookie(await person("charlie", globex))
    for headers in ([HOST, OWN], [HOST, OWN, charlie], [HOST, OWN, (b"cookie", b"sessionid=forged")]):
        async with socket(f"/ws/t/{slug}/requests/", *headers) as (_asked, connected):
            assert not connected
    assert not feed.is_running


async def test_an_unknown_address_is_refused():
    async with socket("/ws/other/", HOST, OWN) as (_asked, connected):
        assert not connected


@pytest.mark.parametrize("loss", ["membership", "session", "password", "account", "staff"])
async def test_who_loses_the_right_is_cut_off_at_the_next_look(feed, guard, loss):
    acme = await Tenant.objects.acreate(slug="acme", name="Acme")
    bob = await person("bob", None if loss == "staff" else acme, is_superuser=loss == "staff")
    client = AsyncClient()
    await client.aforce_login(bob)
    session = (b"cookie", f"sessionid={client.cookies['sessionid'].value}".encode())
    async with socket("/ws/t/acme/requests/", HOST, OWN, session) as (asked, connected):
        assert connected and (await asked.receive_json_from(5))["kind"] == "ready"
        if loss == "membership":
            await Membership.objects.all().adelete()
            await audited()
        elif loss == "session":
            await client.alogout()
        elif loss == "password":
            await User.objects.filter(pk=bob.pk).aupdate(password="changed")
        elif loss == "account":
            await User.objects.filter(pk=bob.pk).aupdate(is_active=False)
        else:
            await User.objects.filter(pk=bob.pk).aupdate(is_superuser=False)
        closed = await asked.receive_output(5)
        assert (closed["type"], closed["code"]) == ("websocket.close", consumers.GONE)


async def test_the_right_is_asked_in_full_only_when_something_changed(feed, guard, monkeypatch):
    acme = await Tenant.objects.acreate(slug="acme", name="Acme")
    asked_in_full = 0
    read = consumers.LiveRequests._read

    def counted(self):
        nonlocal asked_in_full
        asked_in_full += 1
        return read(self)

    monkeypatch.setattr(consumers.LiveRequests, "_read", counted)
    async with socket("/ws/t/acme/requests/", HOST, OWN, await cookie(await person("bob", acme))) as (
        asked,
        _connected,
    ):
        assert (await asked.receive_json_from(5))["kind"] == "ready"
        assert await asked.receive_nothing(0.3)
        assert asked_in_full == 2  # when it opened, and at the first look
        await audited()
        assert await asked.receive_nothing(0.3)
        assert asked_in_full == 3


class Looks:
    """Answers each look with the next of some records."""

    def __init__(self, *answers: list[UsageRecord] | Exception) -> None:
        self.answers = list(answers)
        self.count = 0

    async def __call__(self, _moment: datetime, _known: frozenset[str], _most: int) -> Settled:
        self.count += 1
        answer = self.answers.pop(0) if self.answers else []
        if isinstance(answer, Exception):
            raise answer
        return Settled(answer, frozenset(), 0)


async def test_the_database_is_asked_only_while_somebody_watches():
    looks = Looks()
    feed = Feed(looks, poll_seconds=0.01)
    await asyncio.sleep(0.05)
    assert looks.count == 0
    async with feed.watching(Filter(ACME)), feed.watching(Filter(GLOBEX)):
        await asyncio.sleep(0.05)
    seen = looks.count
    assert seen > 0 and not feed.is_running
    await asyncio.sleep(0.05)
    assert looks.count == seen


async def test_a_database_that_is_away_is_asked_again():
    row = build(ACME)
    feed = Feed(Looks([], DatabaseError("gone"), DatabaseError("gone"), [row]), poll_seconds=0.01)
    async with feed.watching(Filter(ACME)) as watcher:
        assert await asyncio.wait_for(watcher.take(), 5) == ([row], 0)


async def test_who_reads_slowly_loses_the_oldest_and_is_told_how_many():
    feed = Feed(Looks([]), poll_seconds=60)
    rows = [build(ACME) for _ in range(live._MOST_WAITING + 25)]
    async with feed.watching(Filter(ACME)) as watcher:
        watcher.offer(Settled(rows, frozenset(), 3))
        taken, dropped = await asyncio.wait_for(watcher.take(), 5)
    assert (taken, dropped) == (rows[25:], 28)


async def test_more_watchers_than_the_process_serves_are_refused(monkeypatch):
    monkeypatch.setattr(feeds, "MOST_WATCHERS", 1)
    feed = Feed(Looks(), poll_seconds=60)
    async with feed.watching(Filter(ACME)):
        with pytest.raises(feeds.Full):
            async with feed.watching(Filter(ACME)):
                pytest.fail("was let in")
