"""Redis, kept in memory."""

import shutil
from pathlib import Path

from tests.services import process


def start(folder: Path, port: int | None = None) -> tuple[process.Server, str]:
    """A server that keeps nothing, and its URL; on this port, or on a free one."""
    binary = shutil.which("redis-server") or shutil.which("valkey-server")
    if binary is None:
        raise process.NotAvailable("needs Redis: `redis-server` is not installed (apt install redis-server)")
    port = port or process.free_port()
    options = ["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", str(folder)]
    server = process.Server([binary, "--port", str(port), *options], log=folder / "redis.log", user=None)
    server.wait_until(lambda: process.accepts_connections(port), seconds=15)
    return server, f"redis://127.0.0.1:{port}/0"
