"""A server process that dies with the tests, is unprivileged, and tells why when it does not start."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from proxy.hosting.orphans import die_with_parent


class NotAvailable(Exception):
    """This service cannot run here; the message says why and what would help."""


def free_port() -> int:
    """A TCP port nobody listens on at the moment."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def unprivileged_user() -> str | None:
    """Whom to run servers as that refuse root; None when we are not root."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    for name in ("postgres", "nobody"):
        if name in known:
            return name
    raise NotAvailable("running as root, and there is no user `postgres` or `nobody` to run it as")


def hand_over(folder: Path, user: str | None) -> None:
    """Give the folder, and the way to it, to the user that the server will run as."""
    if user is None:
        return
    shutil.chown(folder, user)
    for parent in folder.parents:
        if parent.stat().st_uid == os.geteuid() and parent.is_relative_to("/tmp"):
            parent.chmod(parent.stat().st_mode | 0o011)


def run(argv: Sequence[str], *, user: str | None, env: Mapping[str, str] | None = None) -> None:
    """Run to the end; NotAvailable with its last words when it fails."""
    done = subprocess.run(argv, user=user, env=env, cwd="/", capture_output=True, text=True, timeout=120)
    if done.returncode:
        raise NotAvailable(f"{argv[0]} failed: {(done.stderr or done.stdout).strip()[-300:]}")


class Server:
    """One started process and its log."""

    def __init__(self, argv: Sequence[str], *, log: Path, user: str | None, env: Mapping[str, str] | None = None):
        self.log = log
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                argv,
                user=user,
                env=env,
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=die_with_parent,
            )

    def wait_until(self, is_ready: Callable[[], bool], *, seconds: float) -> None:
        """Poll until it answers; NotAvailable when it ends before, or takes too long."""
        deadline = time.monotonic() + seconds
        while not is_ready():
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                tail = self.log.read_text(errors="replace")[-300:]
                raise NotAvailable(f"{self.process.args[0]} did not start: {tail}")  # type: ignore[index]
            time.sleep(0.05)

    def stop(self) -> None:
        """End it and everything it started."""
        for signal_number, patience in ((signal.SIGTERM, 10), (signal.SIGKILL, 5)):
            try:
                os.killpg(self.process.pid, signal_number)
                self.process.wait(patience)
            except (ProcessLookupError, subprocess.TimeoutExpired):
                continue


def accepts_connections(port: int) -> bool:
    """Whether something listens on the port."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True
