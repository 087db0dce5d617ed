"""A reader who pastes the blocks of one document into one terminal, in order."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.docs.blocks import Block
from tests.house.tree import ROOT
from tests.journeys.clients import installs
from tests.services.process import free_port

_NO_NETWORK = (
    "Could not find a version",
    "NewConnectionError",
    "Temporary failure",
    "ENOTFOUND",
    "EAI_AGAIN",
    "ETIMEDOUT",
)
_NOT_LINKED = {".git", "var", "node_modules", "package.json", "package-lock.json"}
# Keep what a block exports, and where it went, for the blocks after it.
_RUN = """set -euo pipefail
if [ -f "$READER/exports" ]; then . "$READER/exports"; fi
cd "$(cat "$READER/folder")"
{text}
export -p > "$READER/exports"
pwd > "$READER/folder"
"""


class Reader:
    """Runs blocks with one environment and one current folder, at first a copy of the project made of links."""

    def __init__(self, folder: Path, *, python: Path, address: str, key: str, env: dict[str, str]) -> None:
        self.folder, self.address, self.key = folder, address, key
        self.project = folder / "project"
        self.project.mkdir(parents=True)
        for entry in ROOT.iterdir():
            if entry.name not in _NOT_LINKED:
                (self.project / entry.name).symlink_to(entry)
        (folder / "folder").write_text(str(self.project))
        self.python = python
        programs = [python.parent, self.project / "node_modules/.bin"]
        path = os.pathsep.join([*map(str, programs), os.environ["PATH"]])
        self.env = {**env, "PATH": path, "HOME": str(folder), "READER": str(folder), "LLMP_KEY": key}

    def run(self, block: Block) -> None:
        """Run one block; fails with its output, skips with the reason what cannot be run here."""
        if block.not_run:
            pytest.skip(f"{block.document} says: {block.not_run}")
        text = block.at(self.address, self.key)
        self._check_programs(block)
        if block.keeps_running:
            self._keep_running(text)
            return
        done = subprocess.run(
            ["bash", "-c", _RUN.replace("{text}", self._commands(block.kind, text))],
            env=self.env,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=300,
        )
        output = done.stdout + done.stderr
        if done.returncode and "install" in text and any(sign in output for sign in _NO_NETWORK):
            pytest.skip(f"needs the network: {text.strip().splitlines()[0]}")
        assert done.returncode == 0, f"{block} ended with {done.returncode}:\n{output}"

    def _commands(self, kind: str, text: str) -> str:
        if kind == "sh":
            return text
        program, name = {"python": ("python", "block.py"), "js": ("node", "block.mjs")}[kind]
        (self.project / name).write_text(text)  # beside node_modules, where node looks for packages
        return f"{program} {self.project / name}"

    def _check_programs(self, block: Block) -> None:
        words = set(block.text.replace("=", " ").split())
        programs = {"claude", "npm", "npx", "node"} & words if block.kind == "sh" else set()
        if block.kind == "js":
            programs = {"node"}
        if "claude" in programs and shutil.which("claude", path=self.env["PATH"]) is None:
            self._install_claude_code()
        for program in sorted(programs):
            if shutil.which(program, path=self.env["PATH"]) is None:
                pytest.skip(f"needs `{program}`, which is not installed")
        if block.kind == "python" and "anthropic" in block.text and not self._has_sdk():
            pytest.skip("needs the anthropic package, which could not be installed")

    def _install_claude_code(self) -> None:
        try:
            self.env["PATH"] += os.pathsep + str(installs.claude_code().parent)
        except installs.Missing as missing:
            pytest.skip(str(missing))

    def _has_sdk(self) -> bool:
        python = str(self.python)
        if subprocess.run([python, "-c", "import anthropic"], capture_output=True, timeout=60).returncode == 0:
            return True
        install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "anthropic"]
        return subprocess.run(install, env=self.env, capture_output=True, timeout=300).returncode == 0

    def _keep_running(self, text: str) -> None:
        """Start it as the reader would, on a free port and with its own data, and stop it when it says it is ready."""
        env = {
            **self.env,
            "PORT": str(free_port()),
            "LLMP_DATA_DIR": str(self.folder / "var"),
            "PYTHON": sys.executable,
        }
        log = self.folder / "running.log"
        with log.open("wb") as output:
            process = subprocess.Popen(["bash", "-c", text], cwd=self.project, env=env, stdout=output, stderr=output)
        try:
            deadline = time.monotonic() + 120
            while "Ready" not in log.read_text():
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < deadline, log.read_text()
                time.sleep(0.1)
        finally:
            process.terminate()
            process.wait(30)
