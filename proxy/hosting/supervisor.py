"""Runs the processes of a local installation together: one ends, all end, and none is left behind."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from types import FrameType

from proxy.hosting.orphans import die_with_parent

_TICK_SECONDS = 0.1


class Supervisor:
    """Starts children, waits for a signal or the end of one of them, and stops the rest."""

    def __init__(self, say: Callable[[str], None], *, patience_seconds: float = 10.0) -> None:
        self._say = say
        self._patience_seconds = patience_seconds
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        self._signals = 0

    def run(
        self,
        commands: Mapping[str, Sequence[str]],
        is_ready: Callable[[], bool],
        environment: Mapping[str, str] | None = None,
    ) -> int:
        """Run all commands until told to stop; the exit code: 0, or 1 when one of them ended by itself."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._count_signal)
        try:
            for name, argv in commands.items():
                # A session of its own: Ctrl-C reaches only this process, which then stops them in order.
                self._children[name] = subprocess.Popen(
                    argv, env=environment, start_new_session=True, preexec_fn=die_with_parent
                )
            return self._watch(is_ready)
        finally:
            self._stop()

    def _watch(self, is_ready: Callable[[], bool]) -> int:
        announced, started = False, time.monotonic()
        while not self._signals:
            for name, child in self._children.items():
                if child.poll() is not None:
                    self._say(f"The {name} ended by itself ({_ending(child.returncode)}). Stopping everything.")
                    return 1
            if not announced and is_ready():
                announced = True
                self._say(f"Ready after {time.monotonic() - started:.1f} s. Ctrl-C stops everything.")
            time.sleep(_TICK_SECONDS)
        self._say("Stopping.")
        return 0

    def _stop(self) -> None:
        for child in self._children.values():
            if child.poll() is None:
                child.terminate()
        deadline, signals_before = time.monotonic() + self._patience_seconds, self._signals
        while any(child.poll() is None for child in self._children.values()):
            if time.monotonic() > deadline or self._signals > signals_before:
                break
            time.sleep(_TICK_SECONDS)
        for child in self._children.values():
            _sweep(child)

    def _count_signal(self, _number: int, _frame: FrameType | None) -> None:
        self._signals += 1


def _sweep(child: subprocess.Popen[bytes]) -> None:
    """End whatever is left of the child and of what it started; they share its process group."""
    with contextlib.suppress(ProcessLookupError, PermissionError):  # macOS answers EPERM for a group of zombies
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()


def _ending(code: int) -> str:
    return f"exit code {code}" if code >= 0 else f"signal {signal.Signals(-code).name}"
