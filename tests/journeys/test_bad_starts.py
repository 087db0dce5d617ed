"""What a start says on a machine that cannot run it: one thing that is wrong, and what to do about it."""

import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.journeys.server import ROOT, free_port

pytestmark = pytest.mark.slow

_OLD_PYTHON = '#!/bin/sh\nif [ "$1" = --version ]; then echo "Python 3.9.2"; exit 0; fi\nexit 1\n'


def test_an_old_python_is_named_with_the_remedy(tmp_path: Path) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("python3", "python3.11", "python3.12", "python3.13", "python3.14"):
        (programs / name).write_text(_OLD_PYTHON)
        (programs / name).chmod(0o755)
    shutil.copytree(ROOT / "scripts", tmp_path / "scripts")
    environment = {"PATH": f"{programs}{os.pathsep}/bin{os.pathsep}/usr/bin"}
    command = [tmp_path / "scripts/with-venv"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=30)
    assert done.returncode == 1
    assert "Python 3.11 or newer is needed (found: Python 3.9.2)." in done.stderr
    assert "PYTHON=/path/to/python3.11 make run" in done.stderr
    assert not (tmp_path / ".venv").exists()


def start(data_dir: Path, before: Callable[[], None] | None = None) -> str:
    """Start everything; what it says on failing."""
    done = subprocess.run(
        [sys.executable, "manage.py", "dev", "--port", str(free_port())],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "LLMP_DATA_DIR": str(data_dir), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        preexec_fn=before,
    )
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    return done.stderr


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    said = start(tmp_path / "file" / "var")
    assert f"LLMP_DATA_DIR {tmp_path}/file/var cannot be used (not a directory)." in said
    assert "a folder to write to" in said


@pytest.mark.parametrize("room", [0, 40_000], ids=["no-secrets", "no-database"])
def test_a_disk_that_takes_no_more_is_named(tmp_path: Path, room: int) -> None:
    said = start(tmp_path / "var", before=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (room, room)))
    assert f"LLMP_DATA_DIR {tmp_path}/var cannot be used (" in said
    assert "with space left" in said
