"""Drives an SDK in a process of its own: one line of JSON asks, one line of JSON answers."""

import json
import os
import select
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

_SECONDS = 60
HERE = Path(__file__).parent


class Raised(Exception):
    """What the SDK raised: its classes from the most special one on, and what they tell."""

    def __init__(self, found: dict[str, Any]) -> None:
        super().__init__(f"{found['classes'][0]}: {found['message']}")
        self.classes: list[str] = found["classes"]
        self.status: int | None = found.get("status")
        self.message: str = found["message"]
        self.body: dict[str, Any] = found.get("body") or {}
        self.request_id: str = found.get("request_id") or ""


class Driver:
    """A running client program; `name` says which SDK and version it holds."""

    def __init__(self, name: str, command: Sequence[str], folder: Path, home: Path) -> None:
        self.name = name
        # Nothing of the machine's own: no key, no profile, no HTTP proxy.
        env = {"PATH": os.environ["PATH"], "HOME": str(home)}
        self._process = subprocess.Popen(
            command, cwd=folder, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
        )

    @property
    def is_python(self) -> bool:
        """Whether it is a Python SDK; else it is the TypeScript one."""
        return self.name.startswith("python")

    def do(self, verb: str, client: dict[str, Any], **arguments: Any) -> Any:
        """What the verb of the client program gives. Raises Raised."""
        asked = {"verb": verb, "client": client, **arguments}
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(json.dumps(asked).encode() + b"\n")
        line = self._line(self._process.stdout.fileno())
        answer = json.loads(line)
        if "raised" in answer:
            raise Raised(answer["raised"])
        return answer["gives"]

    def _line(self, source: int) -> bytes:
        line = b""
        while not line.endswith(b"\n"):
            ready, _, _ = select.select([source], [], [], _SECONDS)
            assert ready, f"{self.name} did not answer within {_SECONDS} s"
            data = os.read(source, 65536)
            assert data, f"{self.name} ended with {self._process.wait()}"
            line += data
        return line

    def stop(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
