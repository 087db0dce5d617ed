"""Whether the database answers, is of a kind that fits, and has every migration."""

from collections.abc import Iterator

from django.db import DatabaseError
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.executor import MigrationExecutor

from proxy.doctor.finding import Finding, fail, ok, warn

_LEAST_POSTGRES = 14


def is_reachable(connection: BaseDatabaseWrapper) -> Finding:
    """The first check: without it, those that read the database are pointless."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError as broken:
        return fail(
            "database",
            f"it does not answer: {str(broken).strip()}",
            "Check DATABASE_URL, and that the server runs and lets this machine in.",
        )
    return ok("database", f"{connection.display_name} answers")


def check(connection: BaseDatabaseWrapper, *, is_production: bool) -> Iterator[Finding]:
    """What there is to say about a database that answers."""
    if connection.vendor == "sqlite":
        yield from _sqlite(connection, is_production)
    else:
        yield _postgres(connection)
    yield _migrations(connection)


def _sqlite(connection: BaseDatabaseWrapper, is_production: bool) -> Iterator[Finding]:
    mode = _value(connection, "PRAGMA journal_mode")
    if mode == "wal":
        yield ok("write-ahead log", "on: readers do not wait for writers")
    else:
        yield warn(
            "write-ahead log",
            f"off (journal mode {mode}): readers and writers wait for each other",
            "Keep the file on a local disk; network file systems cannot do it.",
        )
    if is_production:
        yield warn(
            "database engine",
            "SQLite in production: one machine only",
            "Set DATABASE_URL to a PostgreSQL server for more than one.",
        )


def _postgres(connection: BaseDatabaseWrapper) -> Finding:
    version = _value(connection, "SHOW server_version")
    if int(version.split(".")[0]) < _LEAST_POSTGRES:
        return fail("database version", f"PostgreSQL {version}", f"Upgrade it to {_LEAST_POSTGRES} or later.")
    return ok("database version", f"PostgreSQL {version}")


def _migrations(connection: BaseDatabaseWrapper) -> Finding:
    executor = MigrationExecutor(connection)
    missing = [str(migration) for migration, _ in executor.migration_plan(executor.loader.graph.leaf_nodes())]
    if missing:
        some = ", ".join(missing[:3]) + ("…" if len(missing) > 3 else "")
        return fail("migrations", f"{len(missing)} not applied: {some}", "Run `manage.py migrate`.")
    return ok("migrations", "all applied")


def _value(connection: BaseDatabaseWrapper, query: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(query)
        row = cursor.fetchone()
    return str(row[0]) if row else ""
