"""One command on a machine: what a newcomer sees, and what the second start keeps to itself."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.services.process import free_port

ROOT = Path(__file__).resolve().parents[2]
pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")]
SECRET = re.compile(r"llmp_[0-9A-Za-z]{30,}")
LINK = re.compile(r"http://127\.0\.0\.1:\d+(/welcome/\S+)")


class Run:
    """`manage.py dev` under way, and what it has said so far."""

    def __init__(self, data_dir: Path, port: int, *arguments: str, **settings: str) -> None:
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        self.port = port
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


def _alive(pids: set[int]) -> set[int]:
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
        for pid in _alive(family):
            os.kill(pid, signal.SIGKILL)


def ask(run: Run, key: str) -> bytes:
    body = b'{"model":"claude-sonnet-5","max_tokens":20,"messages":[{"role":"user","content":"Hello"}]}'
    headers = {"x-api-key": key, "anthropic-version": "2023-06-01", "content-type": "application/json"}
    request = urllib.request.Request(f"http://127.0.0.1:{run.port}/v1/messages", data=body, headers=headers)
    with urllib.request.urlopen(request, timeout=20) as answer:
        return bytes(answer.read())


def test_the_first_start_tells_its_secrets_once_and_they_work(tmp_path: Path) -> None:
    data_dir = tmp_path / "var"
    with running(data_dir) as first:
        first.wait_for("Ready after")
        said = first.said()
        key, link = SECRET.findall(said)[0], LINK.findall(said)[0]
        assert set(SECRET.findall(said)) == {key}
        assert b'"type":"message"' in ask(first, key)
        with urllib.request.urlopen(f"http://127.0.0.1:{first.port}{link}", timeout=20) as page:
            assert b"Choose a password" in page.read()
        family = first.descendants()
        first.process.send_signal(signal.SIGINT)
        assert first.process.wait(20) == 0
        assert _alive(family) == set()
    with running(data_dir) as second:
        assert second.wait_for("LLM Proxy starts at") < 10  # about one second on an idle machine
        second.wait_for("Ready after")
        assert SECRET.findall(second.said()) == []
        assert LINK.findall(second.said()) == []
        assert b'"type":"message"' in ask(second, key)


def test_daphne_is_a_server_too(tmp_path: Path) -> None:
    with running(tmp_path / "var", "--server", "daphne") as run:
        run.wait_for("Ready after")
        assert b'"type":"message"' in ask(run, SECRET.findall(run.said())[0])


def test_nothing_is_left_behind_when_it_is_killed(tmp_path: Path) -> None:
    with running(tmp_path / "var") as run:
        run.wait_for("Ready after")
        family = run.descendants()
        assert len(family) >= 2
        run.process.kill()
        run.process.wait()
        deadline = time.monotonic() + 15
        while _alive(family) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert _alive(family) == set()


def test_a_taken_port_is_named_and_nothing_is_created(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        run = Run(tmp_path / "var", other.getsockname()[1])
        assert run.process.wait(30) == 1
    assert f"PORT {run.port} on 127.0.0.1 cannot be used" in run.said()
    assert "make run PORT=" in run.said()
    assert "llmp_" not in run.said()


@pytest.mark.parametrize("port", ["abc", "0", "70000"])
def test_a_port_that_is_none_is_named(tmp_path: Path, port: str) -> None:
    done = subprocess.run(
        [sys.executable, "manage.py", "dev", "--port", port],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "LLMP_DATA_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.returncode == 2
    assert "PORT must be a number from 1 to 65535" in done.stderr
