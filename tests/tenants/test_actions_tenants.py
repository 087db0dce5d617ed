"""What happens to tenants and their members."""

import pytest
from django.core.exceptions import ValidationError

from tenants import actions
from tenants.models import ApiKey, AuditEntry, Membership, Tenant


def test_a_tenant_is_created_active_and_audited(db):
    tenant = actions.create_tenant(
        actor="ops", slug="acme", name="Acme", timezone="Europe/Rome", model_aliases={"old": "new"}
    )
    assert Tenant.objects.get() == tenant and tenant.status == "active"
    entry = AuditEntry.objects.get()
    assert (entry.revision, entry.actor, entry.action, entry.tenant_id) == (1, "ops", "tenant.create", tenant.pk)
    assert entry.changes["timezone"] == [None, "Europe/Rome"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("slug", "Acme"),
        ("slug", "-acme"),
        ("slug", "a b"),
        ("slug", ""),
        ("slug", "x" * 64),
        ("slug", "taken"),
        ("name", ""),
        ("name", "a\tb"),
        ("timezone", "Rome"),
        ("timezone", "../etc/passwd"),
        ("model_aliases", ["a"]),
        ("model_aliases", {"a": "b", "b": "a"}),
        ("settings", [1]),
    ],
)
def test_bad_values_are_refused_by_the_field(db, field, value):
    Tenant.objects.create(slug="taken", name="Taken")
    with pytest.raises(ValidationError) as refused:
        actions.create_tenant(actor="ops", **{"slug": "acme", "name": "Acme", field: value})
    assert set(refused.value.message_dict) == {field}


def test_a_tenant_is_suspended_by_its_status(acme):
    tenant = actions.change_tenant(actor="ops", tenant=acme, status="suspended")
    assert Tenant.objects.get().status == tenant.status == "suspended"
    assert AuditEntry.objects.get().changes == {"status": ["active", "suspended"]}
    actions.change_tenant(actor="ops", tenant=acme, status="suspended")
    assert AuditEntry.objects.count() == 1


def test_a_slug_is_for_good(acme):
    with pytest.raises(TypeError, match="slug"):
        actions.change_tenant(actor="ops", tenant=acme, slug="other")


def test_a_deleted_tenant_takes_its_rows_along_and_leaves_its_trail(acme, bob):
    actions.issue_key(actor="ops", tenant=acme, name="ci")
    actions.delete_tenant(actor="ops", tenant=acme)
    assert not Tenant.objects.exists() and not ApiKey.objects.exists() and not Membership.objects.exists()
    assert list(AuditEntry.objects.values_list("action", "tenant_id")) == [
        ("tenant.delete", acme.pk),
        ("key.issue", acme.pk),
    ]


def test_a_role_is_given_changed_and_taken(acme, charlie):
    actions.set_role(actor="alice", tenant=acme, user=charlie, role="viewer")
    actions.set_role(actor="alice", tenant=acme, user=charlie, role="viewer")
    actions.set_role(actor="alice", tenant=acme, user=charlie, role="admin")
    assert Membership.objects.get(tenant=acme).role == "admin"
    actions.remove_member(actor="alice", tenant=acme, user=charlie)
    actions.remove_member(actor="alice", tenant=acme, user=charlie)
    assert not Membership.objects.filter(tenant=acme).exists()
    changes = AuditEntry.objects.order_by("revision").values_list("changes", flat=True)
    assert [change["role"] for change in changes] == [[None, "viewer"], ["viewer", "admin"], ["admin", None]]


def test_an_unknown_role_is_refused(acme, bob):
    with pytest.raises(ValidationError, match="not one of owner, admin, member, viewer"):
        actions.set_role(actor="alice", tenant=acme, user=bob, role="root")
