"""PostgreSQL, also where Debian hides its binaries."""

import glob
import shutil
from pathlib import Path

import psycopg

from tests.services import process


def _binary(name: str) -> str:
    places = sorted(glob.glob(f"/usr/lib/postgresql/*/bin/{name}"), key=lambda path: int(path.split("/")[4]))
    found = shutil.which(name) or (places[-1] if places else None)
    if found is None:
        raise process.NotAvailable("needs PostgreSQL: `initdb` is not installed (apt install postgresql)")
    return found


def start(folder: Path) -> tuple[process.Server, str]:
    """A fresh cluster in `folder` and its URL."""
    initdb, postgres = _binary("initdb"), _binary("postgres")
    user, data, port = process.unprivileged_user(), folder / "data", process.free_port()
    process.hand_over(folder, user)
    options = ["-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"]
    process.run([initdb, "-D", str(data), *options], user=user)
    settings = ["fsync=off", "full_page_writes=off", "synchronous_commit=off", "max_connections=200"]
    places = [f"port={port}", "listen_addresses=127.0.0.1", "unix_socket_directories="]
    arguments = [part for setting in (*settings, *places) for part in ("-c", setting)]
    server = process.Server([postgres, "-D", str(data), *arguments], log=folder / "postgres.log", user=user)
    url = f"postgres://postgres@127.0.0.1:{port}/postgres"
    server.wait_until(lambda: _answers(url), seconds=30)
    return server, url


def _answers(url: str) -> bool:
    try:
        psycopg.connect(url, connect_timeout=1).close()
    except psycopg.OperationalError:
        return False
    return True
