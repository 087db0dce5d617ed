"""A real server of the tree on a free port, with a database and data of its own, for journeys over HTTP."""

import contextlib
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
_START_SECONDS = 90
_SERVE = ("manage.py", "serve")


@dataclass
class Server:
    """A running server: its address, its environment, and the commands an operator would type."""

    url: str
    env: dict[str, str]
    data_dir: Path
    process: subprocess.Popen[bytes]

    def manage(self, *arguments: str, stdin: str = "") -> str:
        """What `manage.py` prints on stdout; a failure shows its stderr."""
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=self.env,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def apply(self, *tenants: dict[str, Any]) -> dict[str, str]:
        """Make the tenants; the secrets of their new keys as {"tenant/key": secret}."""
        report = json.loads(self.manage("apply", "-f", "-", "--json", stdin=yaml.safe_dump({"tenants": list(tenants)})))
        return {
            f"{tenant['slug']}/{key['name']}": key["secret"]
            for tenant in report["tenants"]
            for key in tenant.get("keys", [])
            if key.get("secret")
        }

    def tenant(self, slug: str, **fields: Any) -> str:
        """One tenant with one key `ci` and, unless given, the simulator as its upstream; the key's secret."""
        fields.setdefault("upstreams", [{"name": "main", "kind": "simulator"}])
        fields.setdefault("keys", [{"name": "ci"}])
        return self.apply({"slug": slug, "name": slug.title(), **fields})[f"{slug}/ci"]


def free_port() -> int:
    """A port nobody listens on; below those that outgoing connections take, so that it stays free until it is used."""
    while True:
        port = 20_000 + secrets.randbelow(12_000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


@contextlib.contextmanager
def serving(
    data_dir: Path, *arguments: str, migrate: bool = True, program: Sequence[str] = _SERVE, **settings: str
) -> Iterator[Server]:
    """Start a server with these settings in its environment; killed at the end, whatever happened."""
    port = free_port()
    env = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("LLMP_", "DATABASE_", "REDIS_"))},
        "LLMP_DATA_DIR": str(data_dir),
        "LLMP_PRIVATE_UPSTREAMS": "127.0.0.0/8",
        "LLMP_SHUTDOWN_SECONDS": "2",
        "LLMP_DRAIN_SECONDS": "0",
        **settings,
    }
    if migrate:
        subprocess.run([sys.executable, "manage.py", "migrate", "-v0"], cwd=ROOT, env=env, check=True, timeout=60)
    log = (data_dir / "server.log").open("ab")
    command = [sys.executable, *program, "--port", str(port), *arguments]
    process = subprocess.Popen(command, cwd=ROOT, env=env, stdout=log, stderr=log, start_new_session=True)
    server = Server(f"http://127.0.0.1:{port}", env, data_dir, process)
    try:
        _wait_until_ready(server)
        yield server
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        log.close()


def _wait_until_ready(server: Server) -> None:
    give_up_at = time.monotonic() + _START_SECONDS
    while time.monotonic() < give_up_at:
        if server.process.poll() is not None:
            break
        if _answers(f"{server.url}/readyz"):
            return
        time.sleep(0.1)
    raise AssertionError("the server did not start:\n" + (server.data_dir / "server.log").read_text())


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False
