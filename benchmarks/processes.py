"""The processes that are measured: started on a core of their own, read through /proc, stopped at the end."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile

ROOT = Path(__file__).resolve().parent.parent
_TICK_SECONDS = 1 / os.sysconf("SC_CLK_TCK")
_START_SECONDS = 60.0


def cores() -> tuple[set[int], set[int]]:
    """The core of what is measured, and the one of everything else: the same where there is only one."""
    available = sorted(os.sched_getaffinity(0))
    return {available[0]}, {available[1] if len(available) > 1 else available[0]}


def free_port() -> int:
    """A port nobody listens on at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(frozen=True)
class Process:
    """A running server and what the kernel says of it."""

    pid: int
    port: int

    def cpu_seconds(self) -> float:
        """Time on a CPU so far, of all its threads."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) * _TICK_SECONDS

    def resident_kib(self) -> int:
        """Memory that is really there."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS:"))

    def settled_cpu_seconds(self, patience_seconds: float = 10.0) -> float:
        """Its CPU time once it does nothing more: what was put off belongs to what caused it."""
        deadline = time.monotonic() + patience_seconds
        before = self.cpu_seconds()
        while time.monotonic() < deadline:
            time.sleep(0.5)
            now = self.cpu_seconds()
            if now - before < 0.02:
                return now
            before = now
        return before


def busy_seconds(core: int) -> float:
    """Time the core has spent on anything at all."""
    line = next(line for line in Path("/proc/stat").read_text().splitlines() if line.startswith(f"cpu{core} "))
    ticks = [int(field) for field in line.split()[1:9]]
    idle = ticks[3] + ticks[4]
    return (sum(ticks) - idle) * _TICK_SECONDS


@contextmanager
def running(
    command: Sequence[str],
    *,
    port: int,
    core: set[int],
    environment: Mapping[str, str] | None = None,
    stop: signal.Signals = signal.SIGTERM,
) -> Iterator[Process]:
    """The command as a process that listens on the port; told to stop by `stop` when the block ends."""
    with TemporaryFile("w+") as output:
        child = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            preexec_fn=lambda: os.sched_setaffinity(0, core),
        )
        try:
            if not _listens(child, port):
                output.seek(0)
                raise SystemExit(f"{' '.join(command)} did not start:\n{output.read()[-4000:]}")
            yield Process(child.pid, port)
        finally:
            _stop(child, stop)


def _listens(child: subprocess.Popen[bytes], port: int) -> bool:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and child.poll() is None:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
        time.sleep(0.05)
    return False


def _stop(child: subprocess.Popen[bytes], first: signal.Signals) -> None:
    for how, seconds in ((first, 15), (signal.SIGKILL, 5)):
        if child.poll() is None:
            child.send_signal(how)
            with suppress(subprocess.TimeoutExpired):
                child.wait(seconds)
