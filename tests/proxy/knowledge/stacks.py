"""Where a worker of `worker.py` keeps things: SQLite alone, or PostgreSQL and Weaviate."""

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.house import tree
from tests.services import process, weaviate


@dataclass
class Stack:
    """A folder of the product's own, and the services beside it."""

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)
    node: weaviate.Node | None = None

    def start(self, what: str) -> "subprocess.Popen[str]":
        """One of the worker's jobs, running."""
        return self.spawn("-m", "tests.proxy.knowledge.worker", what)

    def run(self, what: str) -> str:
        """What the job printed."""
        with self.start(what) as running:
            said, _nothing = running.communicate(timeout=300)
        assert running.returncode == 0
        return said

    def spawn(self, *arguments: str, **more: str) -> "subprocess.Popen[str]":
        """Python, where the product is."""
        env = {**os.environ, "LLMP_DATA_DIR": str(self.folder), "DATABASE_URL": "", **self.environment, **more}
        command = [sys.executable, *arguments]
        return subprocess.Popen(command, cwd=tree.ROOT, env=env, stdout=subprocess.PIPE, text=True)


def stack(kind: str, request: pytest.FixtureRequest, folder: Path) -> Iterator[Stack]:
    """A stack of this kind: `sqlite`, `postgres`, or `postgres and weaviate`."""
    (folder / "data").mkdir()
    made = Stack(folder / "data")
    if "postgres" in kind:
        made.environment["DATABASE_URL"] = request.getfixturevalue("postgres_database")
    if "weaviate" in kind:
        (folder / "weaviate").mkdir()
        try:
            made.node = weaviate.Node(folder / "weaviate")
        except process.NotAvailable as reason:
            pytest.skip(str(reason))
        made.environment |= {"WEAVIATE_URL": made.node.url, "WEAVIATE_GRPC_PORT": str(made.node.grpc)}
    yield made
    if made.node is not None:
        made.node.server.stop()
