"""What platform staff do to accounts is in the audit, and nobody removes a tenant's last owner by accident."""

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.test import Client

from tenants import actions
from tenants.models import AuditEntry, Membership, Tenant

pytestmark = pytest.mark.django_db


@pytest.fixture
def staff(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("root"))
    return client


def told(action: str) -> list[tuple[str, dict[str, list[object]]]]:
    return [(str(entry.object_label), entry.changes) for entry in AuditEntry.objects.filter(action=action)]


def test_a_removed_account_is_told_with_each_membership_it_loses(
    acme: Tenant, globex: Tenant, alice: User, bob: User
) -> None:
    actions.set_role(actor="x", tenant=globex, user=bob, role="viewer")
    actions.remove_person(actor="user:root", user=bob)
    assert not User.objects.filter(username="bob").exists()
    lost = AuditEntry.objects.filter(action="member.remove").order_by("revision")
    assert [(entry.tenant_id, entry.changes["role"][0]) for entry in lost] == [
        (acme.pk, "member"),
        (globex.pk, "viewer"),
    ]
    assert [label for label, _ in told("person.remove")] == ["bob"]


def test_the_last_owner_stays_and_nothing_is_half_done(acme: Tenant, globex: Tenant, charlie: User) -> None:
    actions.set_role(actor="x", tenant=acme, user=charlie, role="member")
    with pytest.raises(ValidationError, match="last owner of globex"):
        actions.remove_person(actor="x", user=charlie)
    assert Membership.objects.filter(user=charlie).count() == 2
    assert told("member.remove") == []


def test_the_admins_delete_button_says_who_is_in_the_way(staff: Client, charlie: User, bob: User) -> None:
    answer = staff.post(f"/admin/auth/user/{charlie.pk}/delete/", {"post": "yes"}, follow=True)
    assert "is the last owner of globex" in answer.content.decode()
    chosen = {"action": "delete_selected", "_selected_action": [bob.pk, charlie.pk], "post": "yes"}
    assert "last owner" in staff.post("/admin/auth/user/", chosen, follow=True).content.decode()
    assert User.objects.filter(pk__in=[bob.pk, charlie.pk]).count() == 2
    staff.post(f"/admin/auth/user/{bob.pk}/delete/", {"post": "yes"})
    assert [label for label, _ in told("person.remove")] == ["bob"]
    assert len(told("member.remove")) == 1


def test_what_the_admin_changes_of_an_account_is_told(staff: Client, bob: User) -> None:
    page = staff.get(f"/admin/auth/user/{bob.pk}/change/").context["adminform"].form
    values = {name: page.initial.get(name) for name in ("username", "email", "first_name", "last_name")}
    staff.post(
        f"/admin/auth/user/{bob.pk}/change/", {**values, "is_staff": "on", "date_joined_0": "2026-01-01",
        "date_joined_1": "10:00:00", "last_login_0": "", "last_login_1": ""},
    )  # fmt: skip
    bob.refresh_from_db()
    assert (bob.is_active, bob.is_staff) == (False, True)
    assert told("person.change") == [("bob", {"is_active": [True, False], "is_staff": [False, True]})]


def test_a_new_account_and_a_set_password_are_told_without_the_password(staff: Client) -> None:
    password = "a-long-walk-in-the-rain"
    data = {"username": "dora", "usable_password": "true", "password1": password, "password2": password}
    staff.post("/admin/auth/user/add/", data)
    dora = User.objects.get(username="dora")
    staff.post(
        f"/admin/auth/user/{dora.pk}/password/", {**data, "password1": password + "2", "password2": password + "2"}
    )
    assert dora.password != User.objects.get(pk=dora.pk).password
    assert told("person.set_password") == [("dora", {"password": ["set", "changed"]})]
    assert [label for label, _ in told("person.add")] == ["dora"]
    assert password not in str(list(AuditEntry.objects.values()))
