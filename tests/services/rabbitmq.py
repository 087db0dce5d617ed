"""RabbitMQ with a name service (epmd) of its own, so that it meets no other node of the machine."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.services import process

# Debian's wrapper in /usr/sbin changes the user and drops the environment; this is what it wraps.
_REAL = "/usr/lib/rabbitmq/bin/rabbitmq-server"


@contextmanager
def running(folder: Path) -> Iterator[str]:
    """A node in `folder` for as long as the block lasts; yields its URL."""
    binary = _REAL if os.path.exists(_REAL) else shutil.which("rabbitmq-server")
    epmd = shutil.which("epmd")
    if binary is None or epmd is None:
        raise process.NotAvailable("needs RabbitMQ: `rabbitmq-server` is not installed (apt install rabbitmq-server)")
    user, names_port, port = process.unprivileged_user(), process.free_port(), process.free_port()
    process.hand_over(folder, user)
    names = process.Server([epmd, "-port", str(names_port)], log=folder / "epmd.log", user=user)
    try:
        names.wait_until(lambda: process.accepts_connections(names_port), seconds=10)
        env = _environment(folder, port=port, names_port=names_port)
        node = process.Server([binary], log=folder / "rabbitmq.log", user=user, env=env)
        try:
            node.wait_until(lambda: process.accepts_connections(port), seconds=90)
            yield f"amqp://guest:guest@127.0.0.1:{port}//"
        finally:
            node.stop()
    finally:
        names.stop()


def _environment(folder: Path, *, port: int, names_port: int) -> dict[str, str]:
    plugins, config = folder / "plugins", folder / "rabbitmq.conf"
    plugins.write_text("[].\n")
    config.write_text(f"listeners.tcp.default = 127.0.0.1:{port}\nloopback_users = none\n")
    return {
        "PATH": os.environ["PATH"] + ":/usr/sbin:/usr/local/sbin",
        "HOME": str(folder),
        "LANG": "C.UTF-8",
        "ERL_EPMD_PORT": str(names_port),
        "ERL_EPMD_ADDRESS": "127.0.0.1",
        "RABBITMQ_NODENAME": f"tests{port}@localhost",
        "RABBITMQ_DIST_PORT": str(process.free_port()),
        "RABBITMQ_CONFIG_FILE": str(config.with_suffix("")),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(plugins),
        "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
        "RABBITMQ_LOG_BASE": str(folder / "log"),
        "RABBITMQ_LOGS": "-",
        "RABBITMQ_PID_FILE": str(folder / "pid"),
        "RABBITMQ_CONF_ENV_FILE": str(folder / "none.conf"),
    }
