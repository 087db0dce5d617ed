"""Whatever is done to the audit trail in the database, the chain tells; and the database refuses the simple ways."""

import json
import random
import time
from datetime import UTC, datetime
from importlib import import_module
from io import StringIO
from typing import Any
from uuid import uuid4

import pytest
from django.apps import apps
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction
from hypothesis import given
from hypothesis import strategies as st

from tenants import audit, chain
from tenants.models import AuditEntry, AuditHead, Tenant


def write(tenant: Tenant, count: int = 6) -> None:
    for number in range(count):
        with audit.change(actor=f"user:{number}") as trail:
            trail.record("tenant.change", tenant, {"name": [number, number + 1], "at": [None, datetime.now(UTC)]})


def without_triggers() -> None:
    """What the owner of a database can do."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("ALTER TABLE tenants_auditentry DISABLE TRIGGER USER")
            return
        for name in ("audit_no_update", "audit_no_delete"):
            cursor.execute(f"DROP TRIGGER {name}")


def stored() -> list[AuditEntry]:
    return list(AuditEntry.objects.order_by("revision"))


def test_an_untouched_trail_is_intact(acme):
    write(acme)
    verdict = audit.verify()
    assert verdict.is_intact and verdict.head.revision == 6
    assert audit.verify(kept=verdict.head).is_intact


def test_an_empty_trail_is_intact(db):
    assert audit.verify().is_intact


@pytest.mark.parametrize("statement", ["UPDATE tenants_auditentry SET actor = 'x'", "DELETE FROM tenants_auditentry"])
def test_the_database_refuses_to_alter_entries(acme, statement):
    write(acme, 2)
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
    assert len(stored()) == 2


ALTERATIONS: dict[str, Any] = {
    "actor": "user:mallory",
    "action": "key.revoke",
    "object_label": "other",
    "object_id": "other",
    "object_type": "other",
    "changes": {"name": [0, 99]},
    "tenant_id": uuid4(),
    "at": datetime(2020, 1, 1, tzinfo=UTC),
    "key_version": 2,
}


@pytest.mark.parametrize("column", ALTERATIONS)
def test_an_edited_entry_is_found(acme, column):
    write(acme)
    without_triggers()
    AuditEntry.objects.filter(revision=3).update(**{column: ALTERATIONS[column]})
    assert any("entry 3" in problem for problem in audit.verify().problems)


def test_a_deleted_entry_is_found(acme):
    write(acme)
    without_triggers()
    AuditEntry.objects.filter(revision=3).delete()
    assert "entry 3 is missing" in audit.verify().problems


def test_an_entry_in_place_of_another_is_found(acme):
    write(acme)
    without_triggers()
    third, fourth = stored()[2:4]
    AuditEntry.objects.filter(revision__in=(3, 4)).delete()
    third.revision, fourth.revision = 4, 3
    AuditEntry.objects.bulk_create([third, fourth])
    assert not audit.verify().is_intact


def test_an_entry_behind_the_head_is_found(acme):
    write(acme)
    extra = stored()[-1]
    extra.revision, extra.previous_hash = 7, extra.hash
    extra.save(force_insert=True)
    assert audit.verify().problems == ("entry 7 was added behind the head",)


def test_entries_cut_off_are_found_by_the_head(acme):
    write(acme)
    without_triggers()
    AuditEntry.objects.filter(revision__gt=4).delete()
    assert "entries 5 to 6 are missing" in audit.verify().problems


def test_entries_cut_off_with_the_head_are_found_by_a_kept_head(acme):
    write(acme)
    kept = audit.verify().head
    without_triggers()
    AuditEntry.objects.filter(revision__gt=4).delete()
    AuditHead.objects.update(revision=4, hash=stored()[-1].hash)
    assert audit.verify().is_intact, "the reason why heads are kept elsewhere"
    assert "entry 6 is gone" in audit.verify(kept=kept).problems[0]


def test_a_trail_made_anew_without_the_key_is_found(acme, settings):
    write(acme)
    own, settings.ENCRYPTION_KEYS = settings.ENCRYPTION_KEYS, {1: bytes(range(32))}
    without_triggers()
    AuditEntry.objects.all().delete()
    AuditHead.objects.all().delete()
    write(acme, 6)
    settings.ENCRYPTION_KEYS = own
    assert len(audit.verify().problems) == 6


def test_random_tampering_is_found(acme):
    write(acme, 12)
    without_triggers()
    rows, chance = list(AuditEntry.objects.order_by("revision").values()), random.Random(7)
    head = (12, rows[-1]["hash"])

    def links(values: list[dict[str, Any]]) -> list[chain.Link]:
        made = [chain.Link([row[name] for name in chain.FIELDS], row["previous_hash"], row["hash"]) for row in values]
        return sorted(made, key=lambda link: link.revision)

    assert not list(chain.problems(iter(links(rows)), head=head))
    for _ in range(300):
        copy = [dict(row) for row in rows]
        kind = chance.randrange(4)
        where = chance.randrange(12)
        if kind == 0:
            del copy[where]
        elif kind == 1:
            column = chance.choice(["actor", "action", "object_label", "hash", "previous_hash"])
            copy[where][column] = f"{copy[where][column]}!"
        elif kind == 2:
            other = (where + 1 + chance.randrange(11)) % 12
            copy[where]["revision"], copy[other]["revision"] = copy[other]["revision"], copy[where]["revision"]
        else:
            copy.insert(where, {**copy[where], "actor": "mallory"})
        assert list(chain.problems(iter(links(copy)), head=head))


def test_entries_of_several_keys_are_one_chain_and_a_lost_key_is_named(acme, settings):
    write(acme, 2)
    first = settings.ENCRYPTION_KEYS
    settings.ENCRYPTION_KEYS = {2: bytes(range(32)), **first}
    write(acme, 2)
    assert audit.verify().is_intact and audit.entries_by_key() == {1: 2, 2: 2}
    settings.ENCRYPTION_KEYS = {2: bytes(range(32))}
    assert audit.verify().problems[0] == (
        "entry 1 cannot be checked: encryption key version 1 is not in LLMP_ENCRYPTION_KEYS"
    )


def test_entries_from_before_the_chain_become_its_first_links(acme):
    write(acme)
    without_triggers()
    AuditEntry.objects.update(hash="", previous_hash="", key_version=0)
    AuditHead.objects.update(hash=chain.GENESIS)
    import_module("tenants.migrations.0003_audit_chain").chain_entries(apps, None)
    write(acme, 1)
    assert audit.verify().is_intact and audit.verify().head.revision == 7


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(json_values)
def test_what_is_hashed_does_not_depend_on_how_json_was_stored(value):
    assert chain.canonical([value]) == chain.canonical([json.loads(json.dumps(value, sort_keys=True))])


def test_numbers_are_hashed_alike_however_a_database_gives_them_back():
    assert chain.canonical([1e22, 5.0]) == chain.canonical([10**22, 5])


def test_hashing_is_fast_enough_for_a_million_entries_a_minute_or_so():
    values = [1, datetime.now(UTC), "user:alice", "key.change", uuid4(), "apikey", "id", "acme/ci", {"name": [1, 2]}, 1]
    assert 1 in settings.ENCRYPTION_KEYS
    started = time.perf_counter()
    for _ in range(20_000):
        chain.hash_of(values, chain.GENESIS)
    assert time.perf_counter() - started < 5


def run(**options: Any) -> tuple[str, str]:
    out, err = StringIO(), StringIO()
    call_command("verify_audit", stdout=out, stderr=err, **options)
    return out.getvalue().strip(), err.getvalue()


def test_the_command_prints_the_head_alone_and_takes_it_back(acme):
    write(acme)
    head, note = run()
    assert head == str(audit.verify().head) and "6 entries" in note
    write(acme, 1)
    assert json.loads(run(head=head, json=True)[0])["entries"] == 7


def test_the_command_says_what_is_wrong(acme):
    write(acme)
    without_triggers()
    AuditEntry.objects.filter(revision=2).update(actor="mallory")
    with pytest.raises(CommandError, match="entry 2 was altered"):
        run()
    with pytest.raises(CommandError, match="--head"):
        run(head="nonsense")
