"""The same in processes of their own: exit codes, what is on stdout and what on stderr, two at once."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tenants import keys

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder of a migrated, empty installation."""
    folder = tmp_path_factory.mktemp("installation")
    subprocess.run(_argv("migrate", "-v0"), env=_environment(folder), cwd=ROOT, check=True, timeout=120)
    return folder


@pytest.fixture
def folder(template: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(template, tmp_path / "data"))


def _argv(*args: str) -> list[str]:
    return [sys.executable, "manage.py", *args]


def _environment(folder: Path) -> dict[str, str]:
    return {**os.environ, "LLMP_DATA_DIR": str(folder), "DATABASE_URL": ""}


def manage(folder: Path, *args: str, stdin: str = "") -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        _argv(*args), env=_environment(folder), cwd=ROOT, input=stdin, capture_output=True, text=True, timeout=120
    )


def test_exit_codes_and_streams_are_what_scripts_rely_on(folder: Path) -> None:
    done = manage(folder, "create_tenant", "acme", "--json")
    assert (done.returncode, json.loads(done.stdout)["slug"], done.stderr) == (0, "acme", "")
    issued = manage(folder, "issue_key", "acme", "ci")
    assert issued.returncode == 0
    assert keys.is_well_formed(issued.stdout.removesuffix("\n"))
    refused = manage(folder, "issue_key", "acme", "ci")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr == "Refused: name: The tenant has an active key of this name already.\n"
    misused = manage(folder, "revoke_key", "acme")
    assert (misused.returncode, misused.stdout) == (2, "")


def test_a_database_that_is_not_migrated_is_said_in_one_line(tmp_path: Path) -> None:
    refused = manage(tmp_path, "create_tenant", "acme")
    assert refused.returncode == 1
    assert "manage.py migrate" in refused.stderr
    assert "Traceback" not in refused.stderr


@pytest.mark.slow
def test_concurrent_applies_end_as_one(folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "tenants.yaml"
    file.write_text("tenants: [{slug: acme, keys: [{name: a}, {name: b}], upstreams: [{name: s, kind: simulator}]}]")
    started = [
        subprocess.Popen(
            _argv("apply", "-f", str(file), "--json"), env=_environment(folder), cwd=ROOT, stdout=subprocess.PIPE
        )
        for _ in range(3)
    ]
    told = [json.loads(process.communicate(timeout=120)[0]) for process in started]
    assert [process.returncode for process in started] == [0, 0, 0]
    assert sorted(each["changed"] for each in told) == [False, False, True]
    secrets = [key.get("secret") for each in told for key in each["tenants"][0]["keys"]]
    assert len([secret for secret in secrets if secret]) == 2
    assert manage(folder, "apply", "-f", str(file)).stdout == "Nothing to change.\n"
