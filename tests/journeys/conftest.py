"""One running server for all journeys that need nothing special, a wire to listen on, and real clients."""

import contextlib
import itertools
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from tests.journeys.clients import installs
from tests.journeys.clients.driver import HERE, Driver
from tests.journeys.clients.wire import Wire
from tests.journeys.server import ROOT, Server, free_port, serving

_numbers = itertools.count(1)


@dataclass(frozen=True)
class Account:
    """A tenant of its own with the simulator behind it, and the secrets of its keys."""

    slug: str
    key: str
    haiku_key: str  # may ask for claude-haiku-* and nothing else
    spare_key: str  # named `spare`, for the test that revokes it


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with the default settings. Tests share it: each makes tenants of its own."""
    with serving(tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.fixture(scope="module")
def account(server: Server) -> Account:
    """A tenant for the tests of one file."""
    slug = f"account-{next(_numbers)}"
    secrets = server.apply(
        {
            "slug": slug,
            "name": "Account",
            "upstreams": [{"name": "main", "kind": "simulator", "models": ["claude-*"]}],
            "keys": [{"name": "ci"}, {"name": "haiku", "models": ["claude-haiku-*"]}, {"name": "spare"}],
        }
    )
    return Account(slug, *(secrets[f"{slug}/{name}"] for name in ("ci", "haiku", "spare")))


@pytest.fixture(scope="session")
def simulator_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A simulator of its own, to stand behind the server as an upstream on the network does."""
    folder = tmp_path_factory.mktemp("simulator")
    port = free_port()
    with (folder / "simulator.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "manage.py", "simulator", "--port", str(port)],
            cwd=ROOT,
            env={**os.environ, "LLMP_DATA_DIR": str(folder)},
            stdout=log,
            stderr=log,
        )
    try:
        _wait_until_listening(port, process)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)


def _wait_until_listening(port: int, process: "subprocess.Popen[bytes]") -> None:
    give_up_at = time.monotonic() + 30
    while time.monotonic() < give_up_at and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.1)
    raise AssertionError("the simulator did not start")


@pytest.fixture
def wire(server: Server) -> Iterator[Wire]:
    """What stands between a client and the server, and keeps what passes."""
    with Wire(server.url) as listening:
        yield listening


@pytest.fixture(scope="session")
def drivers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Driver]]:
    """Gives the running SDK of a name such as `python-2.13.0`; skips where this machine cannot have it."""
    started: dict[str, Driver | installs.Missing] = {}

    def driver_of(name: str) -> Driver:
        if name not in started:
            try:
                started[name] = _start(name, tmp_path_factory)
            except installs.Missing as missing:
                started[name] = missing
        found = started[name]
        if isinstance(found, installs.Missing):
            pytest.skip(str(found))
        return found

    yield driver_of
    for driver in started.values():
        if isinstance(driver, Driver):
            driver.stop()


def _start(name: str, folders: pytest.TempPathFactory) -> Driver:
    language, _, version = name.partition("-")
    home = folders.mktemp(name)
    if language == "python":
        return Driver(name, [str(installs.python_sdk(version)), str(HERE / "sdk_python.py")], home, home)
    folder = installs.typescript_sdk(version)
    return Driver(name, ["node", str(HERE / "sdk_typescript.mjs")], folder, home)
