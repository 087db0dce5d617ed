"""Start everything a person needs to try the product on one machine."""

import gc
import http.client
import os
import socket
import sys
from argparse import ArgumentParser
from collections.abc import Sequence
from datetime import timedelta
from ipaddress import ip_address
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError, connection, connections
from django.db.migrations.executor import MigrationExecutor

from proxy import snippets
from proxy.config import environment_with, unusable
from proxy.hosting import bootstrap
from proxy.hosting.orphans import die_with_parent
from proxy.hosting.supervisor import Supervisor

# A person waits for the end, and no load balancer does.
_QUICK_END = {"LLMP_DRAIN_SECONDS": "0", "LLMP_SHUTDOWN_SECONDS": "5"}


class Command(BaseCommand):
    help = (
        "Migrate, create what a first start needs, and run the web server and the worker until Ctrl-C. "
        "For one machine; production runs `serve` and `celery` by itself. Example: manage.py dev --port 8001"
    )
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="Address to listen on (127.0.0.1).")
        parser.add_argument("--port", default="8000", help="Port to listen on (8000).")
        parser.add_argument("--server", choices=("uvicorn", "daphne"), default="uvicorn", help="Web server to use.")
        parser.add_argument("--stop-with-parent", action="store_true", help="End when the calling process does.")

    def handle(self, *_args: Any, **options: Any) -> None:
        host, port = options["host"], _port(options["port"])
        if options["stop_with_parent"]:
            die_with_parent()
        try:
            _check_port_is_free(host, port)
            _migrate()
            created = bootstrap.prepare()
            self._say(_announcement(_address(host, port), created))
            if _is_reachable(host):
                self._say(_reachable_note(host))
        except (OperationalError, OSError) as broken:
            if settings.CONFIG.database_url:
                raise
            raise CommandError(unusable(settings.CONFIG.data_dir, broken)) from broken
        except KeyboardInterrupt:
            sys.exit(130)
        connections.close_all()
        commands = {
            f"web server ({options['server']})": _web(host, port, options["server"]),
            "worker": _worker("celery", threads=2, more=_timetable()),
            "document worker": _worker("documents", threads=1),
        }
        environment = environment_with(**_QUICK_END)
        gc.freeze()  # nothing of it is garbage, and the end need not look for any
        sys.exit(Supervisor(self._say).run(commands, lambda: _answers(host, port), environment))

    def _say(self, text: str) -> None:
        self.stdout.write(text)
        self.stdout.flush()


def _port(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 65535:
        wrong = f"PORT must be a number from 1 to 65535, not {text!r}: make run PORT=8000"
        raise CommandError(wrong, returncode=2)
    return int(text)


def _check_port_is_free(host: str, port: int) -> None:
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        socket.create_server((host, port), family=family).close()
    except socket.gaierror as unknown:
        raise CommandError(f"HOST {host or '(empty)'} is not an address of this machine.") from unknown
    except OSError as taken:
        hint = f"Choose another one: make run PORT={port + 1 if port < 65535 else 8001}"
        why = os.strerror(taken.errno) if taken.errno else str(taken)
        raise CommandError(f"PORT {port} on {host} cannot be used ({why}). {hint}") from taken


def _is_reachable(host: str) -> bool:
    """Whether other machines may reach what listens there."""
    address = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)[0][4][0]
    return not ip_address(str(address).partition("%")[0]).is_loopback


def _reachable_note(host: str) -> str:
    return (
        f"  Note         HOST {host} can be reached from other machines, over plain HTTP: keys, passwords and\n"
        "               prompts cross the network unencrypted. Elsewhere than in a network you trust put a\n"
        "               TLS-terminating proxy in front, and run it as docs/running.md says.\n"
    )


def _migrate() -> None:
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        call_command("migrate", verbosity=0, interactive=False)


def _address(host: str, port: int) -> str:
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)
    return settings.CONFIG.public_url.rstrip("/") or f"http://{shown}:{port}"


def _web(host: str, port: int, server: str) -> list[str]:
    if server == "daphne":
        return [sys.executable, "-m", "daphne", "-v", "0", "-b", host, "-p", str(port), "proxy.asgi:application"]
    return [sys.executable, str(settings.BASE_DIR / "manage.py"), "serve", "--host", host, "--port", str(port)]


def _timetable() -> list[str]:
    return ["--beat", "--schedule", str(settings.CONFIG.data_dir / "timetable")]


def _worker(queue: str, *, threads: int, more: Sequence[str] = ()) -> list[str]:
    """One process for a queue's jobs; threads, as the jobs of a small installation wait more than compute."""
    options = ["-Q", queue, "-n", f"{queue}@%h", "--pool", "threads", "--concurrency", str(threads), *more]
    quiet = ["--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel", "WARNING"]
    # In a container everything is root's; that advice is for servers.
    unwarned = ["-W", "ignore:You're running the worker with superuser privileges"]
    return [sys.executable, *unwarned, "-m", "celery", "--quiet", "-A", "proxy.celery", "worker", *options, *quiet]


def _answers(host: str, port: int) -> bool:
    target = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    asked = http.client.HTTPConnection(target, port, timeout=2)
    try:
        asked.request("GET", "/healthz")
        return asked.getresponse().status == 200
    except OSError:
        return False
    finally:
        asked.close()


def _announcement(address: str, created: bootstrap.Created) -> str:
    lines = [f"LLM Proxy starts at {address}", ""]
    if created.welcome_path:
        days = timedelta(seconds=settings.PASSWORD_RESET_TIMEOUT).days
        lines += [
            f"  Sign in      {address}{created.welcome_path}",
            f"               Choose the password of `{bootstrap.ADMIN}` there: once, within {days} days.",
        ]
    else:
        lines += [f"  Sign in      {address}/admin/"]
        if created.is_admin_waiting:
            lines += [
                f"               No password chosen yet: .venv/bin/python manage.py sign_in_link {bootstrap.ADMIN}"
            ]
    lines += [f"  Models from  {created.models_from}"]
    if created.key_secret:
        lines += [f"  API key      {created.key_secret}", "               Shown this once: keep it."]
    for snippet in snippets.snippets(address=address, key=created.key_secret or snippets.KEY_PLACEHOLDER):
        lines += ["", f"  {snippet.title}:", "", snippet.text]
    return "\n".join([*lines, ""])
