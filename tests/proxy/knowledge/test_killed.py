"""A worker that is killed at any point loses nothing and does nothing twice."""

import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.house import tree

_KILLS = 8


def start(folder: Path, what: str) -> "subprocess.Popen[str]":
    env = {**os.environ, "LLMP_DATA_DIR": str(folder), "DATABASE_URL": ""}
    command = [sys.executable, "-m", "tests.proxy.knowledge.worker", what]
    return subprocess.Popen(command, cwd=tree.ROOT, env=env, stdout=subprocess.PIPE, text=True)


def run(folder: Path, what: str) -> str:
    process = start(folder, what)
    said, _nothing = process.communicate(timeout=300)
    assert process.returncode == 0
    return said


@pytest.mark.slow
def test_a_worker_killed_again_and_again_ends_with_every_document_once(tmp_path: Path) -> None:
    run(tmp_path, "load")
    dice = random.Random(3)
    for _ in range(_KILLS):
        process = start(tmp_path, "work")
        time.sleep(dice.uniform(1.0, 6.0))
        process.kill()
        process.communicate()
    run(tmp_path, "work")
    assert json.loads(run(tmp_path, "check")) == {
        "states": ["indexed"],
        "entries": [f"{number}.txt" for number in range(8)],
        "chunks": 0,
        "sound": "ok",
        "found": "3.txt",
    }
