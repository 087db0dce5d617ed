"""Collections of a tenant: list, make, change, remove."""

from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Count, Sum
from django.http import HttpRequest, HttpResponse
from ninja import Router, Status

from proxy.errors import InvalidRequest
from proxy.knowledge.models import Document, Entry, Index
from proxy.rest import asking, shapes
from proxy.rest.keys import Key
from tenants import actions
from tenants.models import Collection, Tenant

router = Router(auth=Key("documents"), tags=["Collections"])


@router.get("/collections", response=list[shapes.Collection], summary="List collections")
def list_collections(request: HttpRequest) -> Any:
    """The collections that your key may use."""
    caller = asking.caller_of(request)
    rows = Collection.objects.filter(tenant=caller.tenant.id).order_by("name")
    return [row for row in rows if row.admits_key(caller.key_name)]


@router.post("/collections", response={201: shapes.Collection}, summary="Make a collection")
def make_collection(request: HttpRequest, made: shapes.NewCollection) -> Any:
    """A new, empty one. What is left out is as the defaults say."""
    caller = asking.caller_of(request)
    options = made.options()
    _check_keeps_key(caller.key_name, options)
    tenant = Tenant.objects.get(pk=caller.tenant.id)
    try:
        row = actions.add_collection(actor=asking.actor_of(request), tenant=tenant, name=made.name, **options)
    except ValidationError as wrong:
        raise asking.refused(wrong) from None
    return Status(201, row)


@router.get("/collections/{name}", response=shapes.CollectionState, summary="Read a collection")
def read_collection(request: HttpRequest, name: str) -> Any:
    """Its settings, how many documents it has in which state, and whether they are being indexed anew."""
    row = asking.collection_of(request, name)
    counted = Document.objects.filter(collection=row).order_by().values_list("status").annotate(Count("pk"))
    entries = Entry.objects.filter(index__collection=row, index__state=Index.State.SERVING)
    sums = entries.aggregate(passages=Sum("chunk_count"), suspicious=Sum("suspicious_count"))
    return shapes.CollectionState(
        **shapes.Collection.from_orm(row).dict(by_alias=True),
        documents=dict(counted),
        passages=sums["passages"] or 0,
        suspicious_passages=sums["suspicious"] or 0,
        is_rebuilt=Index.objects.filter(collection=row, state=Index.State.BUILDING).exists(),
    )


@router.patch("/collections/{name}", response=shapes.Collection, summary="Change a collection")
def change_collection(request: HttpRequest, name: str, changes: shapes.CollectionOptions) -> Any:
    """What is left out stays. With another model or other passages its documents are indexed anew; the old index
    answers until that is done."""
    row = asking.collection_of(request, name)
    options = changes.options()
    _check_keeps_key(asking.caller_of(request).key_name, options)
    try:
        return actions.change_collection(actor=asking.actor_of(request), collection=row, **options)
    except ValidationError as wrong:
        raise asking.refused(wrong) from None


@router.delete("/collections/{name}", response={204: None}, summary="Delete a collection")
def delete_collection(request: HttpRequest, name: str) -> HttpResponse:
    """The collection goes, with its documents, passages, vectors and files."""
    actions.delete_collection(actor=asking.actor_of(request), collection=asking.collection_of(request, name))
    return HttpResponse(status=204)


def _check_keeps_key(key_name: str, options: dict[str, Any]) -> None:
    """Nobody locks themselves out without being told."""
    globs = options.get("key_globs")
    if globs is not None and not Collection(key_globs=globs).admits_key(key_name):
        raise InvalidRequest(f"keys: none of them admits the key that asks, {key_name!r}. Add its name, or *.")
