"""Each fault that is planted in an installation gives the finding that names it."""

import base64
import json
import socket
import threading
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection

from proxy import tasks
from proxy.config import Config
from proxy.doctor import configuration, database, detection, local, machine, sealed, services, upstreams, worker
from proxy.doctor.finding import Finding
from proxy.ledger.journal import Journal
from proxy.models import Heartbeat
from proxy.privacy.detection.names import model
from proxy.privacy.detection.pool import Workers
from tenants import actions
from tenants.models import KeySecret, Tenant, Upstream

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
MIB = 1024 * 1024


def config(tmp_path: Path, **changes: Any) -> Config:
    aliases = {"LLMP_DATA_DIR": str(tmp_path)} | changes
    return Config(**aliases)


def production(tmp_path: Path, **changes: Any) -> Config:
    pepper = "1:" + base64.b64encode(bytes(range(32))).decode()
    return config(
        tmp_path,
        **{
            "LLMP_ENV": "production",
            "SECRET_KEY": "0123456789-abcdefghijklmnopqrstuvwxyz-ABCDEF",
            "LLMP_KEY_PEPPERS": pepper,
            "LLMP_ENCRYPTION_KEYS": pepper,
            "LLMP_ALLOWED_HOSTS": "proxy.example",
        }
        | changes,
    )


def levels(findings: Any) -> dict[str, str]:
    return {finding.name: finding.level for finding in findings}


def test_a_sound_production_configuration_has_nothing_to_mend(tmp_path: Path) -> None:
    sound = production(tmp_path, LLMP_TRUSTED_PROXIES="10.0.0.0/8", LLMP_PUBLIC_URL="https://proxy.example")
    assert set(levels(configuration.check(sound)).values()) == {"ok"}


@pytest.mark.parametrize(
    ("changes", "name", "level"),
    [
        ({"LLMP_ALLOWED_HOSTS": "*"}, "hosts", "fail"),
        ({"LLMP_TRUSTED_PROXIES": "0.0.0.0/0"}, "trusted proxies", "fail"),
        ({}, "trusted proxies", "warn"),
        ({"LLMP_PRIVATE_UPSTREAMS": "::/0"}, "private upstreams", "fail"),
        ({"LLMP_PRIVATE_UPSTREAMS": "10.0.0.0/99"}, "private upstreams", "fail"),
        ({"LLMP_PUBLIC_URL": "http://proxy.example"}, "public URL", "warn"),
    ],
)
def test_a_configuration_fault_is_found(tmp_path: Path, changes: dict[str, str], name: str, level: str) -> None:
    assert levels(configuration.check(production(tmp_path, **changes)))[name] == level


def test_a_secrets_file_that_others_can_read_is_found(tmp_path: Path) -> None:
    file = tmp_path / "secrets.env"
    file.touch(mode=0o600)
    assert levels(configuration.check(config(tmp_path)))["secrets file"] == "ok"
    file.chmod(0o644)
    assert levels(configuration.check(config(tmp_path)))["secrets file"] == "fail"


def test_an_old_python_is_found() -> None:
    assert machine.python_version((3, 11), date(2027, 10, 1)).level == "ok"
    assert machine.python_version((3, 11), date(2027, 11, 1)).level == "warn"


@pytest.mark.parametrize(("free", "level"), [(100 * MIB, "fail"), (1024 * MIB, "warn"), (9000 * MIB, "ok")])
def test_a_full_disk_is_found(tmp_path: Path, free: int, level: str) -> None:
    assert machine.disk(tmp_path, free).level == level


def test_a_journal_that_the_database_does_not_take_is_found(tmp_path: Path) -> None:
    assert machine.usage_journal(tmp_path / "missing", time.time()).level == "ok"
    living = Journal.open(tmp_path)
    assert machine.usage_journal(tmp_path, time.time() + 3600).level == "ok"
    with (tmp_path / f"{living.name}.000000.jsonl").open("wb") as old:
        old.truncate(100 * MIB)
    assert machine.usage_journal(tmp_path, time.time()).level == "fail"
    living.discard()


def test_a_journal_of_a_dead_process_that_nobody_settles_is_found(tmp_path: Path) -> None:
    (tmp_path / "host-1-ab.lock").touch()
    (tmp_path / "host-1-ab.000001.jsonl").write_text("{}")
    assert machine.usage_journal(tmp_path, time.time()).level == "ok"
    assert machine.usage_journal(tmp_path, time.time() + 3600).level == "fail"


def test_uncollected_static_files_are_found(tmp_path: Path) -> None:
    found = machine.check(production(tmp_path), static_root=tmp_path, today=NOW.date())
    assert levels(found)["static files"] == "fail"


def test_a_missing_model_of_names_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    assert machine.model_of_names().level == "ok"
    monkeypatch.setattr(model, "_PACKAGE", "not_installed")
    assert machine.model_of_names().level == "warn"


def test_servers_that_do_not_answer_are_found(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    down = config(
        tmp_path,
        REDIS_URL=f"redis://127.0.0.1:{port}/0",
        CELERY_BROKER_URL=f"amqp://guest:hush@127.0.0.1:{port}//",
        WEAVIATE_URL=f"http://127.0.0.1:{port}",
    )
    found = list(services.check(down))
    assert levels(found) == {"redis": "fail", "broker": "fail", "weaviate": "fail"}
    assert "hush" not in "".join(finding.found + finding.remedy for finding in found)
    assert list(services.check(config(tmp_path))) == []


def test_redis_that_answers_is_found_well(tmp_path: Path, redis_url: str) -> None:
    up = config(tmp_path, REDIS_URL=redis_url, CELERY_BROKER_URL=redis_url)
    assert levels(services.check(up)) == {"redis": "ok", "broker": "ok"}


@pytest.mark.django_db
class TestDatabase:
    def test_a_sound_one_is_found_well(self) -> None:
        assert database.is_reachable(connection).level == "ok"
        assert levels(database.check(connection, is_production=False))["migrations"] == "ok"

    def test_missing_migrations_are_found(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM django_migrations WHERE app = 'tenants'")
        [finding] = [each for each in database.check(connection, is_production=False) if each.name == "migrations"]
        assert finding.level == "fail"
        assert "tenants.0001_initial" in finding.found

    @pytest.mark.skipif("connection.vendor != 'sqlite'", reason="is about SQLite")
    def test_sqlite_without_a_write_ahead_log_or_in_production_is_found(self) -> None:
        found = levels(database.check(connection, is_production=True))
        assert found["write-ahead log"] == "warn"  # the tests' database is in memory
        assert found["database engine"] == "warn"

    def test_a_worker_that_never_ran_or_fell_silent_is_found(self) -> None:
        assert worker.check(at=NOW).level == "fail"
        Heartbeat.objects.create(name=tasks.WORKER, at=NOW - timedelta(seconds=30))
        assert worker.check(at=NOW).level == "ok"
        Heartbeat.objects.update(at=NOW - timedelta(minutes=4))
        assert worker.check(at=NOW).level == "fail"

    def test_keys_and_credentials_without_their_version_are_found(self, acme: Tenant) -> None:
        actions.issue_key(actor="test", tenant=acme, name="ci")
        add(acme, "http://127.0.0.1:9")
        assert set(levels(sealed.check(peppers=[1], encryption_keys=[1])).values()) == {"ok"}
        assert levels(sealed.check(peppers=[2, 1], encryption_keys=[2, 1]))["encryption keys"] == "warn"
        lost = levels(sealed.check(peppers=[2], encryption_keys=[2]))
        assert lost == {
            "key peppers": "fail",
            "encryption keys": "fail",
            "second factors": "ok",
            "placeholder keys": "ok",
            "kept text": "ok",
        }
        KeySecret.objects.all().delete()
        Upstream.objects.all().delete()
        assert set(levels(sealed.check(peppers=[2], encryption_keys=[2])).values()) == {"ok"}

    def test_the_whole_run_ends_with_exit_code_1_when_something_fails(self) -> None:
        out = StringIO()
        with pytest.raises(SystemExit) as ended:
            call_command("doctor", "--json", stdout=out)
        told = json.loads(out.getvalue())
        assert ended.value.code == 1
        assert told["ok"] is False
        assert {"name", "level", "found", "remedy"} == set(told["checks"][0])
        assert all(check["remedy"] for check in told["checks"] if check["level"] != "ok")

    def test_the_whole_run_ends_well_when_nothing_fails(self) -> None:
        Heartbeat.objects.create(name=tasks.WORKER, at=datetime.now(UTC))
        out = StringIO()
        call_command("doctor", stdout=out)
        assert out.getvalue().endswith(" 0 to mend\n")


def test_a_database_that_does_not_answer_is_found_and_its_checks_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    class Down:
        def cursor(self) -> None:
            raise OperationalError("connection refused\n")

    monkeypatch.setattr(local, "connection", Down())
    found = levels(local.check())
    assert (found["database"], found["database checks"]) == ("fail", "warn")
    assert "migrations" not in found


class _Upstream(BaseHTTPRequestHandler):
    status, headers_to_send = 200, {"content-type": "application/json"}
    date_offset = timedelta(0)

    def do_GET(self) -> None:
        is_known = self.headers.get("x-api-key") == "sk-good"
        self.send_response_only(self.status if is_known else 401)
        self.send_header("date", format_datetime(datetime.now(UTC) + self.date_offset, usegmt=True))
        for name, value in self.headers_to_send.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(b'{"data": []}')

    def log_message(self, *_args: Any) -> None:
        """Stay quiet."""


@pytest.fixture
def acme() -> Tenant:
    return actions.create_tenant(actor="test", slug="acme", name="Acme")


def add(tenant: Tenant, base_url: str, credential: str = "sk-good") -> Upstream:
    return actions.add_upstream(actor="test", tenant=tenant, name="main", base_url=base_url, credential=credential)


@pytest.fixture
def provider() -> Iterator[tuple[str, type[_Upstream]]]:
    handler = type("Handler", (_Upstream,), {})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}", handler
        server.shutdown()
        thread.join()


@pytest.mark.django_db
class TestUpstreams:
    def find(self) -> tuple[Finding, dict[str, str]]:
        found = list(upstreams.check())
        return found[0], levels(found)

    def test_one_that_answers_is_found_well(self, acme: Tenant, provider: tuple[str, type[_Upstream]]) -> None:
        add(acme, provider[0] + "/v1")
        assert self.find()[1] == {"upstream acme/main": "ok", "clock": "ok"}

    def test_a_refused_credential_is_found_without_being_shown(
        self, acme: Tenant, provider: tuple[str, type[_Upstream]]
    ) -> None:
        add(acme, provider[0], "sk-wrong")
        finding, _ = self.find()
        assert (finding.level, "credential is refused" in finding.found) == ("fail", True)
        assert "sk-wrong" not in finding.found + finding.remedy

    @pytest.mark.parametrize(
        ("status", "headers", "level", "words"),
        [
            (302, {"location": "https://login.example"}, "fail", "redirects to https://login.example"),
            (404, {}, "warn", "lists no models"),
            (503, {}, "warn", "HTTP 503"),
        ],
    )
    def test_an_odd_answer_is_found(
        self,
        acme: Tenant,
        provider: tuple[str, type[_Upstream]],
        status: int,
        headers: dict[str, str],
        level: str,
        words: str,
    ) -> None:
        provider[1].status, provider[1].headers_to_send = status, headers
        add(acme, provider[0])
        finding, _ = self.find()
        assert (finding.level, words in finding.found) == (level, True)

    def test_one_that_is_down_is_found(self, acme: Tenant) -> None:
        add(acme, "http://127.0.0.1:9")
        finding, found = self.find()
        assert "cannot be reached" in finding.found
        assert found == {"upstream acme/main": "fail"}

    def test_one_that_the_operator_no_longer_allows_is_found(self, acme: Tenant) -> None:
        row = add(acme, "http://127.0.0.1:9")
        Upstream.objects.filter(pk=row.pk).update(base_url="http://10.0.0.1")
        finding, _ = self.find()
        assert "calls to it are refused" in finding.found

    def test_a_credential_that_does_not_open_is_found(self, acme: Tenant) -> None:
        row = add(acme, "http://127.0.0.1:9")
        Upstream.objects.filter(pk=row.pk).update(credential=b"x" * 40)
        assert self.find()[1] == {"upstream acme/main": "fail"}

    @pytest.mark.parametrize(("offset", "level"), [(120, "warn"), (-3600, "fail")])
    def test_a_wrong_clock_is_found(
        self, acme: Tenant, provider: tuple[str, type[_Upstream]], offset: int, level: str
    ) -> None:
        provider[1].date_offset = timedelta(seconds=offset)
        add(acme, provider[0])
        assert self.find()[1]["clock"] == level

    def test_only_enabled_upstreams_of_active_tenants_are_asked(self, acme: Tenant) -> None:
        row = add(acme, "http://127.0.0.1:9")
        actions.change_upstream(actor="test", upstream=row, is_enabled=False)
        actions.add_upstream(actor="test", tenant=acme, name="sim", kind="simulator")
        assert levels(upstreams.check()) == {"upstream acme/sim": "ok"}
        actions.change_tenant(actor="test", tenant=acme, status="suspended")
        assert levels(upstreams.check()) == {}


def test_the_command_wants_a_key_for_a_url(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LLMP_KEY", raising=False)
    with pytest.raises(CommandError, match="LLMP_KEY"):
        call_command("doctor", "--url", "http://127.0.0.1:9")


@pytest.mark.parametrize(
    ("workers", "level", "found"),
    [
        (None, "warn", "this process has not started"),
        (Workers(0, 0), "ok", "not started: no tenant"),
        (Workers(2, 2), "ok", "2 ready"),
        (Workers(2, 1), "warn", "1 of 2 ready"),
        (Workers(2, 0, do_not_start=True), "fail", "they do not start"),
    ],
)
def test_the_state_of_the_privacy_workers_is_told_as_it_is(workers: Workers | None, level: str, found: str) -> None:
    finding = detection.check(workers)
    assert finding.level == level and finding.found.startswith(found)
