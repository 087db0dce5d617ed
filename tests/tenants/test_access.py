"""Nobody reaches another tenant's rows, nor learns that they exist."""

import uuid

import pytest
from django.contrib.auth.models import AnonymousUser, User

from tenants import access, actions


def test_members_reach_their_tenant(acme, alice, bob):
    assert access.tenant_for(alice, "acme") == acme
    assert access.tenant_for(bob, "acme") == acme
    assert list(access.tenants_of(bob)) == [acme]


def test_the_outsider_cannot_tell_a_foreign_tenant_from_none(acme, charlie, globex):
    assert access.tenant_for(charlie, "globex") == globex
    with pytest.raises(access.NotFound) as foreign:
        access.tenant_for(charlie, "acme")
    with pytest.raises(access.NotFound) as nowhere:
        access.tenant_for(charlie, "nowhere")
    assert type(foreign.value) is type(nowhere.value)
    assert access.role_in(charlie, acme) is None


@pytest.mark.parametrize("user", [AnonymousUser(), User(username="new")], ids=["anonymous", "unsaved"])
def test_strangers_reach_nothing(acme, alice, user):
    with pytest.raises(access.NotFound):
        access.tenant_for(user, "acme")


def test_a_deactivated_member_reaches_nothing(acme, alice):
    alice.is_active = False
    with pytest.raises(access.NotFound):
        access.tenant_for(alice, "acme")
    assert access.role_in(alice, acme) is None


def test_a_role_too_low_is_told_so(acme, alice, bob):
    assert access.tenant_for(alice, "acme", roles=access.MANAGERS) == acme
    with pytest.raises(access.NotAllowed, match="member of acme"):
        access.tenant_for(bob, "acme", roles=access.MANAGERS)


def test_the_operator_reaches_every_tenant(acme, globex, db):
    operator = User.objects.create_superuser("operator")
    assert list(access.tenants_of(operator)) == [acme, globex]
    assert access.role_in(operator, acme) == "owner"


@pytest.mark.parametrize("missing", [uuid.uuid4(), "not-an-id", ""])
def test_rows_of_another_tenant_are_as_if_they_were_not(acme, globex, missing):
    key = actions.issue_key(actor="t", tenant=acme, name="ci").key
    upstream = actions.add_upstream(actor="t", tenant=acme, name="main", kind="simulator")
    assert access.key_for(acme, str(key.pk)) == key
    assert access.upstream_for(acme, upstream.pk) == upstream
    for find, row in ((access.key_for, key), (access.upstream_for, upstream)):
        for tenant, row_id in ((globex, row.pk), (acme, missing)):
            with pytest.raises(access.NotFound):
                find(tenant, row_id)


def test_a_member_is_found_in_its_own_tenant_only(acme, globex, bob, charlie):
    assert access.member_for(acme, "bob").user == bob
    with pytest.raises(access.NotFound):
        access.member_for(acme, "charlie")
