"""Changes of collections. Their documents are loaded, indexed and removed by proxy.knowledge."""

from typing import TypedDict, Unpack

from tenants import audit
from tenants.actions import rows
from tenants.models import Collection, Tenant


class CollectionOptions(TypedDict, total=False):
    """What a collection may be given beside its name. None stands for the default."""

    description: str | None
    embedding: str | None
    chunk_tokens: int | None
    chunk_overlap: int | None
    reranking: str | None
    personal_data: str | None
    suspicious: str | None
    is_required: bool | None
    key_globs: list[str] | None
    roles: list[str] | None


class CollectionChanges(CollectionOptions, total=False):
    """What may be changed of a collection."""

    name: str


def add_collection(*, actor: str, tenant: Tenant, name: str, **options: Unpack[CollectionOptions]) -> Collection:
    """A new, empty collection of the tenant."""
    with audit.change(actor=actor) as trail:
        row = Collection(tenant=tenant)
        values = {"name": name, **options}
        rows.fill(row, values, CollectionChanges.__annotations__)
        trail.record("collection.add", row, rows.insert(row, values))
    return row


def change_collection(*, actor: str, collection: Collection, **changes: Unpack[CollectionChanges]) -> Collection:
    """The collection as changed. With another model or other passages its documents are indexed anew."""
    with audit.change(actor=actor) as trail:
        row = rows.fresh(collection)
        done = rows.edit(row, changes, CollectionChanges.__annotations__)
        if done:
            row.save(update_fields=list(done))
            trail.record("collection.change", row, done)
    return row


def delete_collection(*, actor: str, collection: Collection) -> None:
    """The collection goes, and with it its documents, passages and files."""
    with audit.change(actor=actor) as trail:
        row = rows.fresh(collection)
        trail.record("collection.delete", row)
        row.delete()
