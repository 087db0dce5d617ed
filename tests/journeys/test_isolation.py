"""A key of one tenant never reaches another's upstream, models or usage."""

import asyncio
from collections.abc import Iterator

import pytest

from tests.bad_upstream import BadUpstream
from tests.journeys.asking import HELLO, ask
from tests.journeys.server import Server, serving

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("isolation")) as running:
        yield running


async def test_each_tenants_calls_go_to_its_own_upstream_with_its_own_credential(server: Server) -> None:
    async with BadUpstream("message") as first, BadUpstream("message") as second:
        keys = await asyncio.to_thread(
            server.apply,
            *(
                {
                    "slug": slug,
                    "name": slug,
                    "upstreams": [{"name": "main", "base_url": upstream.url, "api_key": f"sk-ant-of-{slug}"}],
                    "keys": [{"name": "ci"}],
                }
                for slug, upstream in (("acme", first), ("globex", second))
            ),
        )
        asked = [(slug, keys[f"{slug}/ci"]) for slug in ("acme", "globex") for _ in range(20)]
        replies = await asyncio.gather(*(asyncio.to_thread(ask, server.url, key) for _slug, key in asked))
        assert {reply.status for reply in replies} == {200}
        for slug, upstream in (("acme", first), ("globex", second)):
            assert len(upstream.requests) == 20
            assert {dict(request.headers)["x-api-key"] for request in upstream.requests} == {f"sk-ant-of-{slug}"}
    shown = server.manage(
        "shell", "-v0", "-c",
        "from proxy.models import UsageRecord as U\n"
        "import time\n"
        "for _ in range(50):\n"
        "    rows = list(U.objects.filter(tenant_slug__in=['acme', 'globex']))\n"
        "    if len(rows) == 40 and all(row.state == 'completed' for row in rows): break\n"
        "    time.sleep(0.1)\n"
        "from tenants.models import ApiKey as K, Upstream as V\n"
        "print(all(K.objects.get(pk=r.key_id).tenant.slug == r.tenant_slug for r in rows),\n"
        "      all(V.objects.get(pk=r.upstream_id).tenant.slug == r.tenant_slug for r in rows), len(rows))",
    )  # fmt: skip
    assert shown.split() == ["True", "True", "40"]


def test_a_tenants_models_are_not_seen_by_another(server: Server) -> None:
    own = server.tenant("first", model_aliases={"first-only": "claude-haiku-5-5"})
    other = server.tenant("second")
    listed = ask(server.url, own, path="/v1/models?limit=1000", method="GET").json()["data"]
    assert "first-only" in {model["id"] for model in listed}
    foreign = ask(server.url, other, path="/v1/models/first-only", method="GET")
    missing = ask(server.url, other, path="/v1/models/never-there", method="GET")
    assert (foreign.status, missing.status) == (404, 404)
    assert foreign.json()["error"]["message"].replace("first-only", "X") == missing.json()["error"]["message"].replace(
        "never-there", "X"
    )


def test_a_tenant_without_an_upstream_gets_nothing_of_anothers(server: Server) -> None:
    key = server.tenant("poor", upstreams=[])
    reply = ask(server.url, key)
    assert (reply.status, reply.json()["error"]["type"]) == (404, "not_found_error")


def test_a_session_cookie_opens_nothing_under_v1(server: Server) -> None:
    reply = ask(server.url, "", HELLO, cookie="sessionid=abc")
    assert reply.status == 401
