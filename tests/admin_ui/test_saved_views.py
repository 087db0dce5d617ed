"""Filters of requests under a name: one's own are nobody else's, everybody's are changed by managers."""

import pytest
from django.contrib.auth.models import User
from django.test import Client

from tenants import actions
from tenants.models import AuditEntry, SavedView, Tenant

LIST = "/t/acme/requests/"
FAILED = f"{LIST}views/new/?state=failed&range=7d&nonsense=1"
pytestmark = pytest.mark.django_db


def view(tenant: Tenant, owner: User | None, name: str = "failed", query: str = "state=failed&range=7d") -> SavedView:
    return actions.save_view(actor="x", tenant=tenant, owner=owner, name=name, query=query)


def test_the_filters_in_use_get_a_name_and_lead_back(client: Client, acme: Tenant, bob: User) -> None:
    client.force_login(bob)
    assert "Save this view" not in client.get(LIST).content.decode()
    assert "Save this view" in client.get(f"{LIST}?state=failed").content.decode()
    answer = client.post(FAILED, {"name": "Failures", "whose": "all"})
    row = SavedView.objects.get()
    assert (row.owner, row.query) == (bob, "state=failed&range=7d")  # a member saves for nobody else
    page = client.get(answer.headers["location"]).content.decode()
    assert 'aria-current="true">Failures' in page
    assert AuditEntry.objects.filter(action="view.save", tenant_id=acme.pk, actor="user:bob").count() == 1


def test_a_manager_saves_for_everybody(client: Client, acme: Tenant, alice: User, bob: User) -> None:
    client.force_login(alice)
    client.post(FAILED, {"name": "Failures", "whose": "all"})
    assert SavedView.objects.get().owner is None
    client.force_login(bob)
    assert "Failures" in client.get(LIST).content.decode()
    pk = SavedView.objects.get().pk
    for path in (f"{LIST}views/{pk}/", f"{LIST}views/{pk}/delete/"):
        assert client.get(path).status_code == client.post(path, {"name": "x"}).status_code == 403
    assert "Rename" not in client.get(f"{LIST}?state=failed&range=7d").content.decode()


def test_ones_own_view_is_nobody_elses(client: Client, acme: Tenant, alice: User, bob: User) -> None:
    pk = view(acme, bob, name="Bobs view").pk
    client.force_login(alice)
    assert "Bobs view" not in client.get(LIST).content.decode()
    for suffix in ("", "delete/"):
        foreign, missing = client.get(f"{LIST}views/{pk}/{suffix}"), client.get(f"{LIST}views/999999/{suffix}")
        assert foreign.status_code == missing.status_code == 404 and foreign.content == missing.content
    client.post(f"{LIST}views/{pk}/delete/")
    assert SavedView.objects.filter(pk=pk).exists()


def test_it_is_renamed_and_deleted_in_the_audit(client: Client, acme: Tenant, bob: User) -> None:
    pk = view(acme, bob).pk
    client.force_login(bob)
    answer = client.post(f"{LIST}views/{pk}/", {"name": "5xx"})
    assert answer.headers["location"] == f"{LIST}?range=7d&state=failed"
    assert SavedView.objects.get().name == "5xx"
    client.post(f"{LIST}views/{pk}/delete/")
    assert not SavedView.objects.exists()
    assert {"view.rename", "view.delete"} <= set(AuditEntry.objects.values_list("action", flat=True))


@pytest.mark.parametrize("name", ["", "failed", "x" * 61, "two\nlines"])
def test_a_name_that_cannot_be_taken_is_refused_beside_the_field(
    client: Client, acme: Tenant, bob: User, name: str
) -> None:
    view(acme, bob)
    client.force_login(bob)
    answer = client.post(FAILED, {"name": name})
    assert answer.status_code == 422 and 'id="id_name_error"' in answer.content.decode()
    assert SavedView.objects.count() == 1


def test_names_are_text_and_the_number_of_views_is_bounded(client: Client, acme: Tenant, bob: User) -> None:
    view(acme, bob, name="<script>x</script>")
    for number in range(49):
        view(acme, bob, name=f"view {number}")
    client.force_login(bob)
    page = client.get(LIST).content.decode()
    assert "<script>x" not in page and "&lt;script&gt;x" in page
    assert "Delete one first" in client.post(FAILED, {"name": "one more"}).content.decode()
