"""Who may import whom, and that the rule is alive."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.house import tree

VIOLATIONS = {
    "tenants know nothing of calls": ("tenants/queries.py", "import proxy.call"),
    "words and patterns know nobody": ("matching/spelling.py", "import tenants.policies"),
    "the proxy knows no pages": ("proxy/errors.py", "import admin_ui.urls"),
    "values are free of Django": ("proxy/call.py", "import django.conf"),
    "formats do no I/O": ("proxy/formats/globs.py", "import httpx"),
    "nothing calls back above itself": ("proxy/call.py", "import proxy.pipeline"),
}


def _lint(folder: Path) -> subprocess.CompletedProcess[str]:
    program = "import sys; from importlinter.cli import lint_imports_command; sys.exit(lint_imports_command())"
    command = [sys.executable, "-c", program, "--no-cache"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    for package in ("proxy", "tenants", "admin_ui", "matching"):
        shutil.copytree(tree.ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(tree.ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_the_tree_keeps_to_its_layers() -> None:
    done = _lint(tree.ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", VIOLATIONS)
def test_a_violation_would_be_noticed(copy: Path, name: str) -> None:
    path, line = VIOLATIONS[name]
    with (copy / path).open("a") as source:
        source.write(f"\n{line}\n")
    done = _lint(copy)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "BROKEN" in done.stdout


def test_steps_do_not_know_each_other(copy: Path) -> None:
    first, second = sorted(path for path in (copy / "proxy/steps").glob("[a-z]*.py"))[:2]
    with second.open("a") as source:
        source.write(f"\nimport proxy.steps.{first.stem}\n")
    assert "BROKEN" in _lint(copy).stdout
