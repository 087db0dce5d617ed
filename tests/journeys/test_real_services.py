"""The same server, unchanged, on PostgreSQL, Redis and RabbitMQ, with several processes; and without its database."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from tests.journeys.asking import ask
from tests.journeys.server import ROOT, Server, serving

pytestmark = pytest.mark.slow

_RECORDS = (
    "import json, time\n"
    "from proxy.models import UsageRecord as U\n"
    "for _ in range(100):\n"
    "    if U.objects.filter(state='completed').count() >= {count}: break\n"
    "    time.sleep(0.1)\n"
    "print(json.dumps(list(U.objects.values_list('state', flat=True))))"
)


@contextmanager
def working(server: Server) -> Iterator[None]:
    """A background worker beside the server."""
    options = ["--pool", "threads", "--concurrency", "1", "--beat", "--schedule", str(server.data_dir / "timetable")]
    command = [sys.executable, "-m", "celery", "--quiet", "-A", "proxy.celery", "worker", *options]
    with (server.data_dir / "worker.log").open("wb") as log:
        worker = subprocess.Popen(command, cwd=ROOT, env=server.env, stdout=log, stderr=log, start_new_session=True)
    try:
        yield
    finally:
        os.killpg(worker.pid, signal.SIGKILL)
        worker.wait()


def test_calls_records_and_jobs_work_on_real_services(
    tmp_path: Path, postgres_database: str, redis_url: str, rabbitmq_url: str
) -> None:
    services = {"DATABASE_URL": postgres_database, "REDIS_URL": redis_url, "CELERY_BROKER_URL": rabbitmq_url}
    with serving(tmp_path, "--workers", "2", **services) as server, working(server):
        key = server.tenant("acme")
        assert {ask(server.url, key).status for _ in range(20)} == {200}
        states = json.loads(server.manage("shell", "-v0", "-c", _RECORDS.format(count=20)))
        assert states == ["completed"] * 20
        findings = until_worker_is_seen(server)
        bad = {name: finding for name, finding in findings.items() if finding["level"] == "fail"}
        assert bad == {}


def until_worker_is_seen(server: Server) -> dict[str, dict[str, str]]:
    """The doctor's findings by name, once the worker has given a sign of life."""
    for _ in range(20):
        done = subprocess.run(
            [sys.executable, "manage.py", "doctor", "--json"],
            cwd=ROOT,
            env=server.env,
            capture_output=True,
            text=True,
            timeout=60,
        )
        findings = {finding["name"]: finding for finding in json.loads(done.stdout)["checks"]}
        if done.returncode == 0:
            return findings
        time.sleep(1)
    return findings


def test_without_its_database_known_keys_go_on_and_records_are_written_later(
    tmp_path: Path, postgres_database: str, postgres_url: str
) -> None:
    name = postgres_database.rpartition("/")[2]
    with serving(tmp_path, DATABASE_URL=postgres_database) as server:
        key, stranger = server.tenant("acme"), server.tenant("globex")
        assert ask(server.url, key).status == 200
        with psycopg.connect(postgres_url, autocommit=True) as admin:
            admin.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
            admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
            time.sleep(1)
            assert {ask(server.url, key).status for _ in range(10)} == {200}
            unknown = ask(server.url, stranger)
            assert (unknown.status, unknown.json()["error"]["type"]) == (503, "api_error")
            assert "retry-after" in unknown.headers
            admin.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')
        states = json.loads(server.manage("shell", "-v0", "-c", _RECORDS.format(count=11)))
        assert states == ["completed"] * 11
        assert ask(server.url, stranger).status == 200
