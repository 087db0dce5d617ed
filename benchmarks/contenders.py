"""What is compared, and how each is started."""

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from benchmarks import processes

_FLOOR_KEY = "bench-key"


@dataclass(frozen=True)
class Contender:
    """One way from the client to the upstream. `command` is empty where there is nothing in between."""

    name: str
    what: str
    command: Sequence[str] = ()
    key: str = _FLOOR_KEY
    environment: Mapping[str, str] = field(default_factory=dict)

    def arguments(self, port: int) -> list[str]:
        """The command that serves on the port."""
        return [part.replace("PORT", str(port)) for part in self.command]


class Installation:
    """This product with a data folder, a tenant, an upstream and a key of its own, made as an operator makes them."""

    def __init__(self, folder: Path, upstream: str) -> None:
        self._folder = folder
        self.environment = {
            "LLMP_DATA_DIR": str(folder),
            "LLMP_PRIVATE_UPSTREAMS": "127.0.0.0/8",
            "LLMP_LOG_LEVEL": "WARNING",
            "LLMP_ENV": "development",
            "DJANGO_SETTINGS_MODULE": "proxy.settings",
        } | dict.fromkeys(("DATABASE_URL", "REDIS_URL", "CELERY_BROKER_URL", "WEAVIATE_URL"), "")
        self._manage("migrate", "--verbosity", "0")
        self._manage("create_tenant", "bench")
        self._manage("add_upstream", "bench", "fake", "--base-url", upstream, "--no-credential")
        self.key = self._manage("issue_key", "bench", "load").strip()
        self.limited_key = self._limited_key(upstream)

    def _limited_key(self, upstream: str) -> str:
        """Four limits and a budget of its tenant, two limits and a budget of the key, none of which is ever reached."""
        limits = dict.fromkeys(("rpm", "input_tpm", "output_tpm", "concurrency"), 10**9)
        budgets = [{"period": "month", "usd": 10**6}]
        tenant = {
            "slug": "limited",
            "limits": limits,
            "budgets": budgets,
            "upstreams": [{"name": "fake", "base_url": upstream}],
            "keys": [{"name": "load", "limits": {"rpm": 10**9, "concurrency": 10**9}, "budgets": budgets}],
        }
        told = self._manage("apply", "-f", "-", "--json", stdin=json.dumps({"tenants": [tenant]}))
        return str(json.loads(told)["tenants"][0]["keys"][0]["secret"])

    def _manage(self, *arguments: str, stdin: str = "") -> str:
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=processes.ROOT,
            env={**os.environ, **self.environment},
            input=stdin,
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise SystemExit(f"manage.py {' '.join(arguments)} failed:\n{done.stdout}{done.stderr}")
        return done.stdout

    def usage_records(self) -> int:
        """How many calls are accounted for."""
        with sqlite3.connect(f"file:{self._folder / 'llmproxy.sqlite3'}?mode=ro", uri=True) as database:
            return int(database.execute("SELECT count(*) FROM proxy_usagerecord").fetchone()[0])


def of(upstream: str, installation: Installation, redis_url: str) -> list[Contender]:
    """All of them, in the order of the table; without Redis where there is none."""
    python = sys.executable
    daphne = [python, "-m", "daphne", "-b", "127.0.0.1", "-p", "PORT", "--verbosity", "0"]
    floor = [python, "-m", "benchmarks.floor", "--port", "PORT", "--upstream", upstream, "--key", _FLOOR_KEY]
    serve = [python, "manage.py", "serve", "--port", "PORT"]
    product = installation.environment
    naive = {
        "DJANGO_SETTINGS_MODULE": "benchmarks.naive.settings",
        "NAIVE_UPSTREAM": upstream,
        "NAIVE_KEY": _FLOOR_KEY,
    }
    slow_door = {**product, "LLMP_FAST_PATH": "false"}
    limits_key, shared = installation.limited_key, {**product, "REDIS_URL": redis_url}
    what = "the same with four limits and a budget of the tenant, two limits and a budget of the key"
    return [
        Contender("direct", "no proxy"),
        Contender("floor", "bare relay under uvicorn: no checks, no accounting", floor),
        Contender("proxy", "this product as shipped (`manage.py serve`)", serve, installation.key, product),
        Contender("proxy-limited", what, serve, limits_key, product),
        *(
            [Contender("proxy-limited-redis", f"{what}; limits in Redis", serve, limits_key, shared)]
            if redis_url
            else []
        ),
        Contender("proxy-ninja", "the same with `LLMP_FAST_PATH=false`", serve, installation.key, slow_door),
        Contender(
            "proxy-daphne", "the same under Daphne", [*daphne, "proxy.asgi:application"], installation.key, product
        ),
        Contender(
            "naive",
            "Django's default middleware, ninja schema, httpx's client, Daphne",
            [*daphne, "benchmarks.naive.asgi:application"],
            environment=naive,
        ),
    ]


def profiled(contender: Contender, output: Path) -> Contender:
    """The same under cProfile, which writes to `output` when the server is interrupted."""
    python, *rest = contender.command
    command = [python, "-m", "cProfile", "-o", str(output), *rest]
    return replace(contender, command=command)
