"""What holds for every test: an environment of its own, no network, and a loud word about what was skipped."""

import base64
import os
import shutil
import sys
import tempfile
from collections import Counter

import django
import pytest
from django.conf import settings

from tests import network

pytest_plugins = ["tests.services.fixtures", "tests.cast"]

_FOREIGN = ("LLMP_", "DATABASE_URL", "REDIS_URL", "CELERY_BROKER_URL", "WEAVIATE_URL", "SECRET_KEY", "ANTHROPIC_")
_IS_WORKER = "PYTEST_XDIST_WORKER" in os.environ


def _key(seed: int) -> str:
    return "1:" + base64.b64encode(bytes((seed + 7 * n) % 256 for n in range(32))).decode()


def _isolate_environment() -> None:
    """Settings are read once, so this must happen before Django's are touched."""
    if settings.configured:
        sys.exit("Django was configured before tests/conftest.py; unset DJANGO_SETTINGS_MODULE and try again.")
    database_url = os.environ.get("LLMP_TEST_DATABASE_URL", "")
    for name in [name for name in os.environ if name.startswith(_FOREIGN)]:
        del os.environ[name]
    folder = tempfile.mkdtemp(prefix="llmp-tests-")
    os.environ |= {
        "DJANGO_SETTINGS_MODULE": "proxy.settings",
        "LLMP_DATA_DIR": folder,
        "DATABASE_URL": database_url,
        "SECRET_KEY": "tests-only-0123456789-abcdefghijklmnopqrstuvwxyz-ABCDEF",
        "LLMP_KEY_PEPPERS": _key(3),
        "LLMP_ENCRYPTION_KEYS": _key(11),
        "LLMP_PRIVATE_UPSTREAMS": "127.0.0.0/8,::1/128,localhost",
    }


if not _IS_WORKER:  # workers inherit it
    _isolate_environment()
django.setup()  # now, so that the plugins below may import models


def pytest_configure() -> None:
    network.block()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests of one service run in one worker, so that each service is started once; those in a browser likewise."""
    for item in items:
        names = getattr(item, "fixturenames", ())
        for service in ("rabbitmq", "postgres", "redis"):
            if any(name.startswith(service) for name in names):
                item.add_marker(getattr(pytest.mark, service))
                item.add_marker(pytest.mark.xdist_group(service))
                break
        else:
            if "browser" in names:
                item.add_marker(pytest.mark.xdist_group("browser"))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say which tests did not run, and why, where nobody can miss it."""
    reasons: Counter[str] = Counter()
    for report in terminalreporter.stats.get("skipped", []):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        reasons[reason.removeprefix("Skipped: ")] += 1
    terminalreporter.section("could not be run")
    if terminalreporter.stats.get("error"):
        terminalreporter.write_line("Not known: there were errors before or around the tests.")
    elif not reasons:
        terminalreporter.write_line("Nothing: every selected test ran.")
    for reason, count in sorted(reasons.items()):
        terminalreporter.write_line(f"{count} test{'s' if count > 1 else ''}: {reason}")


def pytest_unconfigure() -> None:
    if not _IS_WORKER:
        shutil.rmtree(os.environ["LLMP_DATA_DIR"], ignore_errors=True)
