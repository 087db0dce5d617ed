"""Several processes that see the same crossing in the same moment make one event of it."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.journeys.server import ROOT

pytestmark = pytest.mark.slow

_COUNT = "from proxy.alerts.models import *; print(Alert.objects.count(), Delivery.objects.count())"


@pytest.mark.parametrize("database", ["sqlite", "postgres"])
def test_crossings_that_all_see_at_once_are_told_once(
    tmp_path: Path, database: str, request: pytest.FixtureRequest
) -> None:
    url = request.getfixturevalue("postgres_database") if database == "postgres" else ""
    env = {**os.environ, "DATABASE_URL": url, "LLMP_DATA_DIR": str(tmp_path)}

    def run(*arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, *arguments], cwd=ROOT, env=env, capture_output=True, text=True, timeout=120, check=True
        )
        return done.stdout.strip()

    run("manage.py", "migrate", "-v0")
    program = ["-m", "tests.proxy.alerts.crossing"]
    run(*program, "make")
    command = [sys.executable, *program, str(tmp_path)]
    lookers = [subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.PIPE) for _ in range(3)]
    give_up_at = time.monotonic() + 60
    while len(list(tmp_path.glob("ready-*"))) < 3 and time.monotonic() < give_up_at:
        time.sleep(0.01)
    (tmp_path / "go").touch()
    found = [int(looker.communicate(timeout=120)[0]) for looker in lookers]
    assert sum(found) == 30
    assert run("manage.py", "shell", "-v0", "-c", _COUNT) == "30 30"
