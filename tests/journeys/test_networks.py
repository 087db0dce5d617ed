"""Keys bound to networks, over the wire: whose address counts, with and without a load balancer in front."""

from collections.abc import Iterator

import pytest

from tests.journeys.asking import Reply, ask
from tests.journeys.server import Server, serving

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", params=["true", "false"], ids=["beside", "through"])
def balanced(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, str]]:
    """A server that takes 127.0.0.1 for its load balancer, and a key that is bound to one network."""
    settings = {"LLMP_TRUSTED_PROXIES": "127.0.0.1/32", "LLMP_FAST_PATH": request.param}
    with serving(tmp_path_factory.mktemp("balanced"), **settings) as running:
        yield running, bound_to(running, "far", "198.51.100.0/24")


def bound_to(server: Server, slug: str, *networks: str) -> str:
    return server.tenant(slug, keys=[{"name": "ci", "ip_allow": list(networks)}])


def is_refused(reply: Reply) -> bool:
    assert reply.status in {200, 403}, reply.body
    if reply.status == 403:
        assert reply.json()["error"]["message"] == "This key may not be used from your network address."
    return reply.status == 403


def test_without_a_trusted_proxy_only_the_connection_counts(server: Server) -> None:
    near, far = bound_to(server, "near", "127.0.0.0/8"), bound_to(server, "far", "198.51.100.0/24")
    assert not is_refused(ask(server.url, near))
    assert is_refused(ask(server.url, far))
    for name in ("x_forwarded_for", "x_real_ip", "forwarded", "cf_connecting_ip", "true_client_ip"):
        said = "for=198.51.100.7" if name == "forwarded" else "198.51.100.7"
        assert is_refused(ask(server.url, far, **{name: said}))
        assert not is_refused(ask(server.url, near, **{name: said}))


@pytest.mark.parametrize(
    ("forwarded", "refused"),
    [
        ("198.51.100.7", False),
        ("10.0.0.1, 198.51.100.7", False),
        ("198.51.100.7, 127.0.0.1", False),
        ("198.51.100.7, 203.0.113.9", True),  # the nearest that is no balancer counts, not what a client put first
        ("203.0.113.9", True),
        ("198.51.100.7, junk", True),
        ("::ffff:198.51.100.7", False),
    ],
)
def test_behind_a_trusted_proxy_the_nearest_address_counts(
    balanced: tuple[Server, str], forwarded: str, refused: bool
) -> None:
    server, key = balanced
    assert is_refused(ask(server.url, key, x_forwarded_for=forwarded)) == refused
    models = ask(server.url, key, path="/v1/models", method="GET", x_forwarded_for=forwarded)
    assert is_refused(models) == refused
