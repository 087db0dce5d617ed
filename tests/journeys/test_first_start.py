"""One command on a machine: what a newcomer sees, and what the second start keeps to itself."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from tests.journeys.dev import ROOT, SECRET, Run, alive, running

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")]
LINK = re.compile(r"http://127\.0\.0\.1:\d+(/welcome/\S+)")


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
        assert alive(family) == set()
    with running(data_dir) as second:
        assert second.wait_for("LLM Proxy starts at") < 10  # about one second on an idle machine
        second.wait_for("Ready after")
        assert SECRET.findall(second.said()) == []
        assert LINK.findall(second.said()) == []
        assert b'"type":"message"' in ask(second, key)


def test_an_address_that_others_reach_is_noted(tmp_path: Path) -> None:
    with running(tmp_path / "var", "--host", "0.0.0.0") as run:
        run.wait_for("can be reached from other machines, over plain HTTP")
    with running(tmp_path / "var") as run:
        run.wait_for("Ready after")
        assert "other machines" not in run.said()


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
        while alive(family) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert alive(family) == set()


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
