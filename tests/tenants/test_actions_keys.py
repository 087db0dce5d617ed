"""What happens to keys when they are issued, changed, rotated and revoked."""

from datetime import UTC, datetime, timedelta

import pytest
from django.core.exceptions import ValidationError

from tenants import actions, keys, queries
from tenants.models import ApiKey, AuditEntry, KeySecret

NOW = datetime(2030, 1, 1, 12, tzinfo=UTC)


@pytest.fixture
def issued(acme):
    return actions.issue_key(actor="alice", tenant=acme, name="ci")


def found(secret: str) -> KeySecret | None:
    return queries.secret_row(digest for _version, digest in keys.digests(secret))


def test_an_issued_secret_leads_to_its_key(issued, acme):
    assert keys.is_well_formed(issued.secret)
    row = found(issued.secret)
    assert row.key == issued.key and row.key.tenant == acme
    assert (row.prefix, row.last_four) == keys.display(issued.secret)


def test_the_secret_is_neither_stored_nor_shown_by_repr(issued):
    stored = [*KeySecret.objects.values_list(), *ApiKey.objects.values_list(), *AuditEntry.objects.values_list()]
    assert issued.secret not in repr(stored)
    assert issued.secret not in repr(issued)


def test_a_key_is_found_under_an_older_pepper(issued, settings):
    settings.KEY_PEPPERS = {2: bytes(range(32)), **settings.KEY_PEPPERS}
    assert found(issued.secret).key == issued.key
    fresh = actions.issue_key(actor="alice", tenant=issued.key.tenant, name="second")
    assert found(fresh.secret).pepper_version == 2
    assert queries.secrets_by_pepper() == {1: 1, 2: 1}


def test_finding_a_key_takes_one_query_and_its_upstreams_another(issued, acme, django_assert_num_queries):
    actions.add_upstream(actor="alice", tenant=acme, name="off", kind="simulator", is_enabled=False, priority=1)
    actions.add_upstream(actor="alice", tenant=acme, name="second", kind="simulator", priority=20)
    actions.add_upstream(actor="alice", tenant=acme, name="first", kind="simulator", priority=5)
    with django_assert_num_queries(2):
        upstreams = queries.enabled_upstreams(found(issued.secret).key.tenant)
    assert [row.name for row in upstreams] == ["first", "second"]


def test_defaults_stand_in_for_what_is_not_given(acme):
    key = actions.issue_key(
        actor="alice", tenant=acme, name="ci", scopes=None, model_globs=None, ip_allow=None, metadata=None
    ).key
    assert key.scopes == ["messages", "models", "usage"] and key.model_globs == ["*"]
    assert key.ip_allow == [] and key.metadata == {}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", " ci"),
        ("name", "a\nb"),
        ("name", "x" * 101),
        ("scopes", []),
        ("scopes", ["admin"]),
        ("scopes", "messages"),
        ("scopes", [["messages"]]),
        ("model_globs", []),
        ("model_globs", [""]),
        ("model_globs", ["x" * 201]),
        ("model_globs", ["claude 5"]),
        ("model_globs", [5]),
        ("model_globs", {"*": 1}),
        ("ip_allow", ["10.0.0.1/8"]),
        ("ip_allow", ["home"]),
        ("ip_allow", [10]),
        ("ip_allow", "10.0.0.0/8"),
        ("metadata", {"team": 5}),
        ("metadata", {"team": {"a": "b"}}),
        ("metadata", {"": "x"}),
        ("metadata", {"team": "x" * 501}),
        ("metadata", {str(n): "" for n in range(33)}),
        ("metadata", {"team": "a\x00b"}),
        ("metadata", ["team"]),
        ("expires_at", datetime(2030, 1, 1)),
        ("expires_at", "soon"),
    ],
)
def test_bad_values_are_refused_by_the_field(acme, field, value):
    with pytest.raises(ValidationError) as refused:
        actions.issue_key(actor="alice", tenant=acme, **{"name": "ci", field: value})
    assert set(refused.value.message_dict) == {field}
    assert not ApiKey.objects.exists() and not AuditEntry.objects.exists()


def test_an_active_name_is_taken_and_a_revoked_one_free(issued, acme, globex):
    with pytest.raises(ValidationError, match="active key of this name"):
        actions.issue_key(actor="alice", tenant=acme, name="ci")
    actions.issue_key(actor="alice", tenant=globex, name="ci")
    actions.revoke_key(actor="alice", key=issued.key)
    actions.issue_key(actor="alice", tenant=acme, name="ci")


def test_a_change_is_stored_and_audited_with_old_and_new(issued):
    key = actions.change_key(actor="alice", key=issued.key, name="build", model_globs=["claude-haiku-*"])
    assert ApiKey.objects.get().name == key.name == "build"
    entry = AuditEntry.objects.first()
    assert (entry.actor, entry.action, entry.tenant_id) == ("alice", "key.change", key.tenant_id)
    assert entry.changes == {"name": ["ci", "build"], "model_globs": [["*"], ["claude-haiku-*"]]}


def test_a_change_that_changes_nothing_leaves_no_entry(issued):
    before = AuditEntry.objects.count()
    same = {"name": "ci", "scopes": ["messages", "models", "usage"], "expires_at": None}
    actions.change_key(actor="alice", key=issued.key, **same)
    assert AuditEntry.objects.count() == before


def test_a_change_does_not_undo_what_another_did_meanwhile(issued):
    actions.note_use(used={issued.key.pk: NOW})
    actions.change_key(actor="alice", key=issued.key, name="build")
    actions.change_key(actor="bob", key=issued.key, expires_at=NOW)  # `issued.key` is stale by now
    key = ApiKey.objects.get()
    assert (key.name, key.last_used_at, key.expires_at) == ("build", NOW, NOW)


@pytest.mark.parametrize("field", ["status", "tenant", "tenant_id", "id", "last_used_at", "nonsense"])
def test_other_fields_cannot_be_assigned(issued, field):
    with pytest.raises(TypeError, match=field):
        actions.change_key(actor="alice", key=issued.key, **{field: "x"})


def test_rotation_gives_the_old_secret_a_day(issued):
    rotated = actions.rotate_key(actor="alice", key=issued.key, at=NOW)
    assert found(issued.secret).expires_at == NOW + timedelta(hours=24)
    assert found(rotated.secret).expires_at is None
    assert found(rotated.secret).key == found(issued.secret).key == issued.key


def test_rotation_without_overlap_ends_the_old_secret_at_once(issued):
    actions.rotate_key(actor="alice", key=issued.key, at=NOW, overlap=timedelta(0))
    assert found(issued.secret).expires_at == NOW


def test_a_second_rotation_never_prolongs_a_secret(issued):
    second = actions.rotate_key(actor="alice", key=issued.key, at=NOW, overlap=timedelta(hours=1))
    actions.rotate_key(actor="alice", key=issued.key, at=NOW, overlap=timedelta(hours=5))
    assert found(issued.secret).expires_at == NOW + timedelta(hours=1)
    assert found(second.secret).expires_at == NOW + timedelta(hours=5)


@pytest.mark.parametrize("overlap", [timedelta(seconds=-1), timedelta(days=31)])
def test_an_overlap_out_of_bounds_is_refused(issued, overlap):
    with pytest.raises(ValidationError, match="between 0 and 30 days"):
        actions.rotate_key(actor="alice", key=issued.key, at=NOW, overlap=overlap)


def test_a_revoked_key_stays_revoked(issued):
    actions.revoke_key(actor="alice", key=issued.key)
    assert found(issued.secret).key.status == "revoked"
    entries = AuditEntry.objects.count()
    actions.revoke_key(actor="alice", key=issued.key)
    assert AuditEntry.objects.count() == entries
    for act in (
        lambda: actions.change_key(actor="alice", key=issued.key, name="x"),
        lambda: actions.rotate_key(actor="alice", key=issued.key, at=NOW),
    ):
        with pytest.raises(ValidationError, match="revoked"):
            act()


def test_last_use_moves_forward_only(issued):
    actions.note_use(used={issued.key.pk: NOW})
    actions.note_use(used={issued.key.pk: NOW - timedelta(hours=1)})
    assert ApiKey.objects.get().last_used_at == NOW
