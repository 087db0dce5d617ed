"""Processes that belong together end together, however the end comes about."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from proxy.config import ROOT

# Each child writes its process id, then does as told; "parent" leaves a child of its own in its process group.
CHILD = """
import os, pathlib, signal, subprocess, sys, time
behaviour, folder = sys.argv[1], pathlib.Path(sys.argv[2])
if behaviour == "stubborn":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
if behaviour == "parent":
    subprocess.Popen([sys.executable, __file__, "patient", str(folder)])
(folder / f"{os.getpid()}.pid").touch()
if behaviour == "failing":
    time.sleep(0.5)
    sys.exit(3)
time.sleep(60)
"""
SUPERVISOR = """
import sys
from proxy.hosting.supervisor import Supervisor
child, folder, *behaviours = sys.argv[1:]
commands = {name: [sys.executable, child, name, folder] for name in behaviours}
say = lambda text: print(text, flush=True)
sys.exit(Supervisor(say, patience_seconds=1.0).run(commands, is_ready=lambda: True))
"""


class Family:
    """A supervisor, its children, and which of them live."""

    def __init__(self, folder: Path, *behaviours: str, processes: int) -> None:
        child = folder / "child.py"
        child.write_text(CHILD)
        argv = [sys.executable, "-c", SUPERVISOR, str(child), str(folder), *behaviours]
        self.folder = folder
        self.process = subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        wait_until(lambda: len(self.pids()) == processes)

    def pids(self) -> list[int]:
        return [int(path.stem) for path in self.folder.glob("*.pid")]

    def survivors(self) -> list[int]:
        return [pid for pid in self.pids() if _lives(pid)]


def _lives(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def wait_until(condition: object, seconds: float = 10.0) -> None:
    assert callable(condition)
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


@pytest.fixture
def families(tmp_path: Path) -> Iterator[list[Family]]:
    started: list[Family] = []
    yield started
    for family in started:
        family.process.kill()
        family.process.communicate()
        for pid in family.survivors():
            os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_all_children_and_theirs(families: list[Family], tmp_path: Path, number: int) -> None:
    families.append(family := Family(tmp_path, "patient", "parent", processes=3))
    family.process.send_signal(number)
    output, _ = family.process.communicate(timeout=10)
    assert family.process.returncode == 0
    assert output.splitlines()[-1] == "Stopping."
    assert family.survivors() == []


def test_a_child_that_ends_takes_the_others_with_it_and_is_named(families: list[Family], tmp_path: Path) -> None:
    families.append(family := Family(tmp_path, "patient", "failing", processes=2))
    output, _ = family.process.communicate(timeout=10)
    assert family.process.returncode == 1
    assert "The failing ended by itself (exit code 3). Stopping everything." in output
    assert family.survivors() == []


def test_a_child_killed_by_a_signal_is_named_with_it(families: list[Family], tmp_path: Path) -> None:
    families.append(family := Family(tmp_path, "patient", processes=1))
    os.kill(family.pids()[0], signal.SIGKILL)
    output, _ = family.process.communicate(timeout=10)
    assert "The patient ended by itself (signal SIGKILL)." in output
    assert family.process.returncode == 1


def test_a_child_that_does_not_listen_is_killed(families: list[Family], tmp_path: Path) -> None:
    families.append(family := Family(tmp_path, "stubborn", processes=1))
    family.process.terminate()
    family.process.communicate(timeout=10)
    assert family.survivors() == []


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells children of their parent's end")
def test_children_end_when_the_supervisor_is_killed(families: list[Family], tmp_path: Path) -> None:
    families.append(family := Family(tmp_path, "patient", processes=1))
    family.process.kill()
    family.process.communicate(timeout=10)
    wait_until(lambda: family.survivors() == [])
