"""Weaviate, one node with its data in a folder."""

import os
import shutil
import urllib.error
import urllib.request
from pathlib import Path

from tests.services import process

_HINT = "go install github.com/weaviate/weaviate/cmd/weaviate-server@latest"


class Node:
    """One node; killed, it starts again where it was."""

    def __init__(self, folder: Path) -> None:
        self._argv, self._env, self.url, self.grpc = _command(folder)
        self._log = folder / "weaviate.log"
        self.server = self.start()

    def start(self) -> process.Server:
        """Start it, and wait until it answers."""
        self.server = process.Server(self._argv, log=self._log, user=None, env=self._env)
        self.server.wait_until(lambda: _is_ready(f"{self.url}/v1/.well-known/ready"), seconds=120)
        return self.server


def start(folder: Path) -> tuple[process.Server, str, int]:
    """A server, its URL, and the port of its gRPC."""
    node = Node(folder)
    return node.server, node.url, node.grpc


def _command(folder: Path) -> tuple[list[str], dict[str, str], str, int]:
    """What starts it, in which environment, its URL, and the port of its gRPC."""
    binary = shutil.which("weaviate-server") or shutil.which("weaviate-server", path=str(Path.home() / "go/bin"))
    if binary is None:
        raise process.NotAvailable(f"needs Weaviate: `weaviate-server` is not installed ({_HINT})")
    http, grpc, gossip, data, raft, rpc = (process.free_port() for _ in range(6))
    env = {
        "PATH": os.environ.get("PATH", ""),
        "PERSISTENCE_DATA_PATH": str(folder),
        "AUTHENTICATION_ANONYMOUS_ACCESS_ENABLED": "true",
        "DEFAULT_VECTORIZER_MODULE": "none",
        "GRPC_PORT": str(grpc),
        "CLUSTER_HOSTNAME": "node1",
        "CLUSTER_ADVERTISE_ADDR": "127.0.0.1",
        "CLUSTER_GOSSIP_BIND_PORT": str(gossip),
        "CLUSTER_DATA_BIND_PORT": str(data),
        "RAFT_PORT": str(raft),
        "RAFT_INTERNAL_RPC_PORT": str(rpc),
        "RAFT_BOOTSTRAP_EXPECT": "1",
        "DISABLE_TELEMETRY": "true",
        "GO_PROFILING_DISABLE": "true",
        "LOG_LEVEL": "warning",
    }
    argv = [binary, "--host", "127.0.0.1", "--port", str(http), "--scheme", "http"]
    return argv, env, f"http://127.0.0.1:{http}", grpc


def _is_ready(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False
