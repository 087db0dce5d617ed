"""How real clients come to this machine: once, and with a plain word where they cannot."""

from pathlib import Path

import pytest

from tests.journeys.clients import installs


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder that programs are found in; nothing is installed yet."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setattr(installs, "CACHE", tmp_path / "cache")
    return folder


def pretend(npm: Path, *lines: str) -> None:
    npm.write_text("\n".join(["#!/bin/sh", *lines]))
    npm.chmod(0o755)


def test_a_machine_without_npm_or_node_lacks_them(programs: Path) -> None:
    with pytest.raises(installs.Missing, match="needs npm"):
        installs.claude_code()
    with pytest.raises(installs.Missing, match="needs node"):
        installs.typescript_sdk("1.0.0")


def test_a_machine_without_a_network_lacks_it(programs: Path) -> None:
    pretend(programs / "npm", "echo 'npm error code EAI_AGAIN' >&2", "exit 1")
    with pytest.raises(installs.Missing, match="needs the network once"):
        installs.claude_code()


def test_any_other_failure_is_shown_and_not_skipped(programs: Path) -> None:
    pretend(programs / "npm", "echo 'npm error code ETARGET' >&2", "exit 1")
    with pytest.raises(AssertionError, match="ETARGET"):
        installs.claude_code()


def test_a_client_is_installed_once_and_again_if_that_broke_off(programs: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    pretend(programs / "npm", f"echo failed >> {log}", "exit 1")
    with pytest.raises(AssertionError):
        installs.claude_code()
    pretend(programs / "npm", f"echo installed >> {log}")
    assert installs.claude_code() == installs.claude_code()
    assert log.read_text().split() == ["failed", "installed"]
