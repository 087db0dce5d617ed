"""`kill -9` at random moments loses no record of a started call and doubles none."""

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


def run_killed(rounds: int, folder: Path, database_url: str = "") -> None:
    seed = random.randrange(10**6)
    done = subprocess.run(
        [sys.executable, "-m", "tests.proxy.ledger.killing", str(rounds), str(seed)],
        env=os.environ | {"LLMP_DATA_DIR": str(folder), "DATABASE_URL": database_url, "LLMP_LOG_LEVEL": "ERROR"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, f"seed {seed}\n{done.stdout}\n{done.stderr[-3000:]}"
    calls = int(done.stdout.split(" ", 1)[0])
    assert calls > rounds * 20, "the processes died before they did anything"


def test_killed_processes_lose_and_double_no_record(tmp_path):
    run_killed(3, tmp_path)


@pytest.mark.slow
def test_many_killed_processes_lose_and_double_no_record(tmp_path):
    run_killed(20, tmp_path)


@pytest.mark.slow
def test_many_killed_processes_lose_and_double_no_record_on_postgresql(tmp_path, postgres_database):
    run_killed(20, tmp_path, postgres_database)
