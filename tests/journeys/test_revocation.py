"""A change of a key or a tenant reaches every process within a second, also under load."""

import threading
import time
from collections.abc import Callable, Iterator

import pytest

from tests.journeys.asking import ask
from tests.journeys.server import Server, serving

WITHIN_SECONDS = 1.0
_WORKERS = 3
# Enough to meet every worker several times, each on a connection of its own.
_ASKED = 12

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("revocation"), "--workers", str(_WORKERS)) as running:
        yield running


def statuses(server: Server, key: str) -> set[int]:
    return {ask(server.url, key).status for _ in range(_ASKED)}


def changed(server: Server, key: str, change: Callable[[], object], status: int) -> None:
    """Make the change while others ask without a pause; soon afterwards nobody is let in any more."""
    assert statuses(server, key) == {200}
    stop = threading.Event()

    def keep_asking() -> None:
        while not stop.is_set():
            ask(server.url, key)

    load = [threading.Thread(target=keep_asking) for _ in range(4)]
    for thread in load:
        thread.start()
    try:
        change()
        time.sleep(WITHIN_SECONDS)
        for _ in range(2):
            assert statuses(server, key) == {status}
            time.sleep(0.3)
    finally:
        stop.set()
        for thread in load:
            thread.join()


def test_a_revoked_key_is_refused_by_every_process(server: Server) -> None:
    key = server.tenant("revoked")
    changed(server, key, lambda: server.manage("revoke_key", "revoked", "ci"), 401)


def test_a_suspended_tenants_keys_are_refused_by_every_process(server: Server) -> None:
    key = server.tenant("suspended")
    changed(server, key, lambda: server.apply({"slug": "suspended", "name": "x", "status": "suspended"}), 403)


def test_a_narrowed_key_is_refused_by_every_process(server: Server) -> None:
    key = server.tenant("narrowed")
    keys = [{"name": "ci", "models": ["claude-haiku-*"]}]
    changed(server, key, lambda: server.apply({"slug": "narrowed", "name": "x", "keys": keys}), 403)


def test_a_key_that_expires_now_is_refused_by_every_process(server: Server) -> None:
    key = server.tenant("expired")
    keys = [{"name": "ci", "expires_at": "2020-01-01T00:00:00Z"}]
    changed(server, key, lambda: server.apply({"slug": "expired", "name": "x", "keys": keys}), 401)


def test_a_rotated_key_without_overlap_is_refused_and_the_new_one_works(server: Server) -> None:
    key = server.tenant("rotated")
    fresh: list[str] = []

    def rotate() -> None:
        fresh.append(server.manage("rotate_key", "rotated", "ci", "--overlap", "0").strip())

    changed(server, key, rotate, 401)
    assert statuses(server, fresh[0]) == {200}


def test_a_key_made_while_the_server_runs_works_at_once(server: Server) -> None:
    assert statuses(server, server.tenant("fresh")) == {200}
