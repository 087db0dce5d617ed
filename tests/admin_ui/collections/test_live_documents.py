"""Documents as they are read, over a websocket: who may watch, what they are sent, and when it ends."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from channels.routing import URLRouter

from admin_ui import collection_live, collection_pages, consumers, sockets
from admin_ui.collection_live import Feed
from proxy.knowledge.models import Document
from tenants.models import Collection, Membership, Tenant
from tests.admin_ui import test_live
from tests.admin_ui.test_live import HOST, OWN, _closed_connections, audited, cookie, guard, person, socket  # noqa: F401

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def feed(monkeypatch: pytest.MonkeyPatch) -> Iterator[Feed]:
    made = Feed(collection_live.FEED._look, poll_seconds=0.02)
    monkeypatch.setattr(collection_live, "FEED", made)
    yield made
    assert not made.is_running


async def shelf(slug: str = "acme", **fields: Any) -> tuple[Tenant, Collection]:
    tenant = await Tenant.objects.acreate(slug=slug, name=slug.title())
    return tenant, await Collection.objects.acreate(tenant=tenant, name="handbook", **fields)


async def document(collection: Collection, name: str, **fields: Any) -> Document:
    made: Document = await Document.objects.acreate(
        collection=collection, tenant_id=collection.tenant_id, name=name, queued_at=test_live.timezone.now(), **fields
    )
    return made


def url(collection: Collection, slug: str = "acme", query: str = "") -> str:
    return f"/ws/t/{slug}/collections/{collection.pk}/{query}"


async def news(asked: Any) -> str:
    message = await asked.receive_json_from(10)
    assert message["kind"] == "documents"
    return str(message["html"])


async def test_each_step_of_a_document_is_sent_as_the_page_draws_it():
    acme, handbook = await shelf()
    row = await document(handbook, "<script>x</script>.md")
    async with socket(url(handbook), HOST, OWN, await cookie(await person("vera", acme))) as (asked, connected):
        assert connected and (await asked.receive_json_from(5))["kind"] == "ready"
        first = await news(asked)
        assert "Waiting" in first and "&lt;script&gt;x" in first and "<script>" not in first
        for status, progress, word in (("parsing", 0, "Reading"), ("embedding", 40, "Embedding 40 %")):
            await Document.objects.filter(pk=row.pk).aupdate(status=status, progress=progress)
            assert word in await news(asked)
        await Document.objects.filter(pk=row.pk).aupdate(status="failed", reason="It is locked.", progress=0)
        assert "It is locked." in await news(asked)
        await row.adelete()
        assert "No document yet" in await news(asked)
        assert await asked.receive_nothing(0.2)


async def test_the_filters_of_the_address_hold_and_buttons_are_for_those_who_may_press_them():
    acme, handbook = await shelf()
    await document(handbook, "leave.md", status="failed")
    await document(handbook, "travel.md")
    vera, bob = await person("vera", acme), await person("bob", acme)
    await Membership.objects.filter(user=bob).aupdate(role="member")
    for user, may_edit in ((vera, False), (bob, True)):
        async with socket(url(handbook, query="?show=failed"), HOST, OWN, await cookie(user)) as (asked, _connected):
            await asked.receive_json_from(5)
            html = await news(asked)
            assert "leave.md" in html and "travel.md" not in html
            assert ("Retry" in html) == may_edit


async def test_who_may_not_look_is_refused_in_one_way():
    acme, handbook = await shelf(roles=["owner"])
    globex, rival = await shelf("globex")
    vera, charlie = await cookie(await person("vera", acme)), await cookie(await person("charlie", globex))
    missing = str(url(rival)).replace(str(rival.pk), "00000000-0000-0000-0000-000000000001")
    for path, headers in (
        (url(handbook), [HOST, OWN]),
        (url(handbook), [HOST, OWN, vera]),
        (url(handbook), [HOST, OWN, charlie]),
        (url(rival), [HOST, OWN, vera]),
        (url(rival, "globex"), [HOST, OWN, vera]),
        (url(handbook, "globex"), [HOST, OWN, charlie]),
        (missing, [HOST, OWN, charlie]),
        (url(rival, "globex"), [HOST, (b"origin", b"https://evil.test"), charlie]),
        (url(rival, "globex"), [HOST, charlie]),
    ):
        async with socket(path, *headers) as (_asked, connected):
            assert not connected, (path, headers)
    async with socket(url(rival, "globex"), HOST, OWN, charlie) as (_asked, connected):
        assert connected, "so that the refusals mean something"


@pytest.mark.parametrize("loss", ["membership", "role", "collection"])
async def test_who_loses_the_right_is_cut_off(guard, loss):  # noqa: F811
    acme, handbook = await shelf()
    bob = await person("bob", acme)
    async with socket(url(handbook), HOST, OWN, await cookie(bob)) as (asked, _connected):
        await asked.receive_json_from(5)
        await news(asked)
        if loss == "membership":
            await Membership.objects.all().adelete()
        elif loss == "role":
            await Collection.objects.filter(pk=handbook.pk).aupdate(roles=["owner"])
        else:
            await handbook.adelete()
        await audited()
        closed = await asked.receive_output(10)
        while closed["type"] == "websocket.send":
            closed = await asked.receive_output(10)
        assert (closed["type"], closed["code"]) == ("websocket.close", consumers.GONE)


async def test_one_look_serves_all_watchers():
    looks = 0

    async def look(ids: Any) -> dict[Any, tuple[Any, ...]]:
        nonlocal looks
        looks += 1
        return dict.fromkeys(ids, ())

    feed = Feed(look, poll_seconds=60)
    ids = [test_live.ACME, test_live.GLOBEX]
    async with feed.watching(ids[0]) as first, feed.watching(ids[1]) as second, feed.watching(ids[0]) as third:
        assert await asyncio.wait_for(first.changed(), 5)
        assert await asyncio.wait_for(second.changed(), 5) and await asyncio.wait_for(third.changed(), 5)
        assert looks == 1


def test_what_is_looked_at_takes_two_queries(acme, django_assert_num_queries):
    collections = [Collection.objects.create(tenant=acme, name=f"c{n}") for n in range(3)]
    with django_assert_num_queries(2):
        marks = collection_pages.marks([row.pk for row in collections])
    assert marks == {row.pk: () for row in collections}


def test_every_socket_is_among_those_that_are_tried_here():
    routed = {str(route.pattern) for route in sockets.routes}
    assert routed == {
        "ws/t/<slug:slug>/requests/",
        "ws/t/<slug:slug>/collections/<uuid:collection_id>/",
        "ws/requests/",
    }
    assert URLRouter(sockets.routes)
