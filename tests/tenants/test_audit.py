"""Revisions come without gaps and become visible in their order, whoever writes at the same time."""

import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.core.management import call_command
from django.db import connections, transaction

from tenants import actions, audit
from tenants.models import AuditEntry, AuditHead, Tenant

WRITERS, WRITES = 4, 4

RACE = """
import django; django.setup()
from tests.tenants.test_audit import race
race()
"""


def test_revisions_count_up_from_one(acme):
    assert audit.latest_revision() == 0
    with audit.change(actor="alice") as trail:
        trail.record("tenant.change", acme, {"name": ["a", "b"]})
        trail.record("tenant.change", acme)
    assert audit.latest_revision() == 2
    assert audit.since(0) == [(1, acme.pk), (2, acme.pk)]
    assert audit.since(1) == [(2, acme.pk)]


def test_a_change_that_fails_leaves_neither_row_nor_revision(acme):
    with pytest.raises(RuntimeError), audit.change(actor="alice") as trail:
        trail.record("tenant.change", acme)
        raise RuntimeError
    assert audit.latest_revision() == 0 and not AuditEntry.objects.exists()


def test_actions_inside_a_change_commit_with_it_or_not_at_all(acme):
    with pytest.raises(RuntimeError), audit.change(actor="apply"):
        actions.issue_key(actor="apply", tenant=acme, name="ci")
        actions.add_upstream(actor="apply", tenant=acme, name="main", kind="simulator")
        raise RuntimeError
    assert audit.latest_revision() == 0
    assert not acme.keys.exists() and not acme.upstreams.exists()


def test_a_row_of_no_tenant_concerns_everybody(db):
    with audit.change(actor="ops") as trail:
        trail.record("head.change", AuditHead.objects.get())
    assert audit.since(0) == [(1, None)]


def test_a_change_without_an_actor_is_refused(db):
    with pytest.raises(ValueError, match="actor"), audit.change(actor=""):
        pytest.fail("the change went on")


def race() -> None:
    """Write from many threads while one follows; exit with an error if an order or a revision is missing."""
    call_command("migrate", verbosity=0)
    shared = actions.create_tenant(actor="start", slug="shared", name="start")
    seen: list[int] = []
    is_over = threading.Event()

    def write(writer: int) -> None:
        for n in range(WRITES):
            actions.create_tenant(actor=f"writer {writer}", slug=f"t-{writer}-{n}", name="x")
            with transaction.atomic(), audit.change(actor="outer"):
                actions.change_tenant(actor=f"writer {writer}", tenant=shared, name=f"{writer}-{n}")
        connections.close_all()

    def follow() -> None:
        while True:
            was_over = is_over.is_set()
            seen.extend(revision for revision, _tenant in audit.since(seen[-1] if seen else 0))
            if was_over:
                connections.close_all()
                return
            time.sleep(0.005)

    follower = threading.Thread(target=follow)
    follower.start()
    with ThreadPoolExecutor(WRITERS) as pool:
        list(pool.map(write, range(WRITERS)))
    is_over.set()
    follower.join()
    expected = list(range(1, 2 * WRITERS * WRITES + 2))
    stored = list(AuditEntry.objects.order_by("revision").values_list("revision", flat=True))
    if not seen == stored == expected or audit.latest_revision() != len(expected):
        sys.exit(f"followed {seen}\nstored {stored}")
    check_chain(shared)


def check_chain(tenant: Tenant) -> None:
    """Each change must have started from what the one before it left."""
    name = "start"
    for entry in AuditEntry.objects.filter(tenant_id=tenant.pk, action="tenant.change").order_by("revision"):
        old, new = entry.changes["name"]
        if old != name:
            sys.exit(f"revision {entry.revision} started from {old!r}, not from {name!r}")
        name = new


def run_race(database_url: str) -> None:
    environment = {**os.environ, "DATABASE_URL": database_url}
    done = subprocess.run(
        [sys.executable, "-c", RACE], env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr


def test_a_follower_misses_nothing_on_sqlite(tmp_path):
    run_race(f"sqlite:///{tmp_path}/race.sqlite3")


def test_a_follower_misses_nothing_on_postgresql(postgres_database):
    run_race(postgres_database)
