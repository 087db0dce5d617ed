"""Changes of saved views."""

from django.contrib.auth.models import User

from tenants import audit
from tenants.actions import rows
from tenants.models import SavedView, Tenant


def save_view(*, actor: str, tenant: Tenant, owner: User | None, name: str, query: str) -> SavedView:
    """A new view; without an owner it is everybody's in the tenant."""
    with audit.change(actor=actor) as trail:
        row = SavedView(tenant=tenant, owner=owner, name=name, query=query)
        given = rows.insert(row, ["name", "query"])
        trail.record("view.save", row, {**given, "of": [None, owner.get_username() if owner else "everybody"]})
    return row


def rename_view(*, actor: str, view: SavedView, name: str) -> SavedView:
    """The view under another name."""
    with audit.change(actor=actor) as trail:
        row = rows.fresh(view)
        done = rows.edit(row, {"name": name}, ["name"])
        if done:
            row.save(update_fields=["name"])
            trail.record("view.rename", row, done)
    return row


def delete_view(*, actor: str, view: SavedView) -> None:
    """Forget the view, if it is still there."""
    with audit.change(actor=actor) as trail:
        row = SavedView.objects.filter(pk=view.pk).first()
        if row is not None:
            trail.record("view.delete", row, {"query": [row.query, None]})
            row.delete()
