"""Real clients at pinned versions, each installed once into the checkout's `.cache/clients`."""

import fcntl
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.house.tree import ROOT

CACHE = ROOT / ".cache" / "clients"
PYTHON_SDKS = ("0.125.0", "1.17.0", "2.13.0")
TYPESCRIPT_SDKS = ("0.137.0", "1.13.0")
CLAUDE_CODE = "2.1.330"
AXE = "4.14.1"
_INSTALL_SECONDS = 300
_OFFLINE = (
    "NewConnectionError",
    "Temporary failure",
    "ConnectTimeout",
    "ENOTFOUND",
    "EAI_AGAIN",
    "ECONNREFUSED",
    "ETIMEDOUT",
)


class Missing(Exception):
    """This machine cannot have the client; the message says what it lacks."""


def python_sdk(version: str) -> Path:
    """The interpreter of a virtual environment that holds this `anthropic`. Raises Missing."""
    folder = CACHE / f"anthropic-{version}"
    python = folder / "bin" / "python"
    _once(
        folder,
        f"anthropic {version} of PyPI",
        [sys.executable, "-m", "venv", str(folder)],
        [
            *(str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"),
            *("--retries", "1", f"anthropic=={version}"),
        ],
    )
    return python


def typescript_sdk(version: str) -> Path:
    """The folder whose `node_modules` holds this `@anthropic-ai/sdk`. Raises Missing."""
    if shutil.which("node") is None:
        raise Missing("needs node, which is not installed")
    return _npm(f"sdk-{version}", f"@anthropic-ai/sdk@{version}")


def claude_code(version: str = CLAUDE_CODE) -> Path:
    """The `claude` program. Raises Missing."""
    return _npm(f"claude-code-{version}", f"@anthropic-ai/claude-code@{version}") / "node_modules/.bin/claude"


def axe(version: str = AXE) -> Path:
    """The script that checks a page for what keeps people out. Raises Missing."""
    return _npm(f"axe-{version}", f"axe-core@{version}") / "node_modules/axe-core/axe.min.js"


def _npm(name: str, package: str) -> Path:
    if shutil.which("npm") is None:
        raise Missing("needs npm, which is not installed")
    folder = CACHE / name
    options = ["--no-fund", "--no-audit", "--loglevel=error", "--fetch-retries=1"]
    _once(folder, f"{package} of npm", ["npm", "install", *options, "--prefix", str(folder), package])
    return folder


def _once(folder: Path, what: str, *commands: Sequence[str]) -> None:
    """Fill the folder, unless it is complete; test processes that want the same one wait for each other."""
    CACHE.mkdir(parents=True, exist_ok=True)
    complete = folder / ".complete"
    with (CACHE / f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if complete.exists():
            return
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        for command in commands:
            _install(what, command)
        complete.touch()


def _install(what: str, command: Sequence[str]) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_INSTALL_SECONDS)
    except subprocess.TimeoutExpired:
        raise Missing(f"needs {what}, which could not be installed in {_INSTALL_SECONDS} s") from None
    output = done.stdout + done.stderr
    if done.returncode and any(sign in output for sign in _OFFLINE):
        raise Missing(f"needs the network once, to install {what}")
    if done.returncode and "ensurepip" in output:
        raise Missing(f"needs pip and venv, to install {what}")
    assert done.returncode == 0, f"{what} could not be installed:\n{output}"
