"""Triggers by which the database itself refuses to alter or remove audit entries.

They stop mistakes and other programs, not whoever owns the database: for that there is the chain.
"""

from typing import Any

from django.db import connections

_TABLE = "tenants_auditentry"

_SQLITE = tuple(
    f"CREATE TRIGGER IF NOT EXISTS audit_no_{event.lower()} BEFORE {event} ON {_TABLE} "
    f"BEGIN SELECT RAISE(ABORT, 'audit entries are append-only'); END"
    for event in ("UPDATE", "DELETE")
)
_POSTGRESQL = (
    # An empty table may be truncated: test databases are.
    "CREATE OR REPLACE FUNCTION audit_append_only() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
    "IF TG_OP <> 'TRUNCATE' OR EXISTS (SELECT 1 FROM tenants_auditentry) "
    "THEN RAISE EXCEPTION 'audit entries are append-only'; END IF; RETURN NULL; END $$",
    f"CREATE OR REPLACE TRIGGER audit_no_change BEFORE UPDATE OR DELETE ON {_TABLE} "
    "FOR EACH ROW EXECUTE FUNCTION audit_append_only()",
    f"CREATE OR REPLACE TRIGGER audit_no_truncate BEFORE TRUNCATE ON {_TABLE} "
    "FOR EACH STATEMENT EXECUTE FUNCTION audit_append_only()",
)


def install(using: str, **_signal: Any) -> None:
    """Make the triggers where they are missing: a migration that rebuilds the table takes them away on SQLite."""
    connection = connections[using]
    if _TABLE not in connection.introspection.table_names():
        return
    with connection.cursor() as cursor:
        for statement in _POSTGRESQL if connection.vendor == "postgresql" else _SQLITE:
            cursor.execute(statement)
