"""Claude Code in print mode, in a home of its own and never longer than its time."""

import contextlib
import json
import os
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_SECONDS = 45
# Whatever it wants beyond this machine ends at a proxy that is not there.
_OFFLINE = {"HTTPS_PROXY": "http://127.0.0.1:9", "NO_PROXY": "127.0.0.1"}


@dataclass(frozen=True)
class Ran:
    """What one run printed, and how long it took. `result` is its last line of JSON."""

    code: int
    result: dict[str, Any]
    stderr: str
    seconds: float

    @property
    def text(self) -> str:
        """What the user reads."""
        return str(self.result.get("result"))


class Claude:
    """Runs the program; nothing of the machine's own settings, keys or telemetry takes part."""

    def __init__(self, program: Path, home: Path) -> None:
        self._program = program
        self.home = home
        self.folder = home / "work"
        self.folder.mkdir()

    def run(self, prompt: str, *arguments: str, **env: str) -> Ran:
        """One `claude -p`; the environment says where it goes and with which key."""
        started = time.monotonic()
        process = subprocess.Popen(
            [str(self._program), *arguments, "--output-format", "json", "-p", prompt],
            cwd=self.folder,
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(self.home),
                "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
                **_OFFLINE,
                "ANTHROPIC_MODEL": "claude-sonnet-5-5",
                **env,
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        try:
            stdout, stderr = process.communicate(timeout=_SECONDS)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # also what it started
            process.wait()
        lines = stdout.strip().splitlines()
        assert lines, f"claude printed nothing:\n{stderr}"
        return Ran(process.returncode, json.loads(lines[-1]), stderr, time.monotonic() - started)
