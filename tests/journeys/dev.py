"""The one command under way, and what it has said so far."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from tests.services.process import free_port

ROOT = Path(__file__).resolve().parents[2]
SECRET = re.compile(r"llmp_[0-9A-Za-z]{30,}")


class Run:
    """`manage.py dev` under way, and what it has said so far."""

    def __init__(self, data_dir: Path, port: int, *arguments: str, **settings: str) -> None:
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        self.port = port
        self.data_dir = data_dir
        self.log = data_dir.with_name(f"{data_dir.name}-{time.monotonic_ns()}.log")
        self.started = time.monotonic()
        with self.log.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "dev", "--port", str(port), *arguments],
                cwd=ROOT,
                env={**kept, "LLMP_DATA_DIR": str(data_dir), **settings},
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def said(self) -> str:
        return self.log.read_text()

    def wait_for(self, text: str, seconds: float = 60.0) -> float:
        deadline = time.monotonic() + seconds
        while text not in self.said():
            assert self.process.poll() is None, self.said()
            assert time.monotonic() < deadline, self.said()
            time.sleep(0.05)
        return time.monotonic() - self.started

    def descendants(self) -> set[int]:
        parents: dict[int, int] = {}
        for entry in Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):
                fields = entry.read_text().rpartition(")")[2].split()
                if fields[0] != "Z":
                    parents[int(entry.parent.name)] = int(fields[1])
        found = {self.process.pid}
        while more := {pid for pid, parent in parents.items() if parent in found} - found:
            found |= more
        return found - {self.process.pid}


def alive(pids: set[int]) -> set[int]:
    return {pid for pid in pids if Path(f"/proc/{pid}").exists() and " Z " not in Path(f"/proc/{pid}/stat").read_text()}


@contextlib.contextmanager
def running(data_dir: Path, *arguments: str, **settings: str) -> Iterator[Run]:
    run = Run(data_dir, free_port(), *arguments, **settings)
    family: set[int] = set()
    try:
        yield run
        family = run.descendants()
    finally:
        run.process.terminate()
        try:
            run.process.wait(20)
        except subprocess.TimeoutExpired:
            run.process.kill()
        for pid in alive(family):
            os.kill(pid, signal.SIGKILL)
