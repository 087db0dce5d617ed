"""Who asks, and which rows are there for them: what is another tenant's, or not for the key, does not exist."""

from uuid import UUID

from django.core.exceptions import ValidationError
from django.http import HttpRequest

from proxy.call import Caller
from proxy.errors import InvalidRequest, NotFound
from proxy.knowledge.models import Document
from tenants.models import Collection


def caller_of(request: HttpRequest) -> Caller:
    """Whose key it is."""
    caller: Caller = request.auth  # type: ignore[attr-defined]
    return caller


def actor_of(request: HttpRequest) -> str:
    """As the audit names it."""
    caller = caller_of(request)
    return f"key:{caller.tenant.slug}/{caller.key_name}"


def collection_of(request: HttpRequest, name: str) -> Collection:
    """The collection, if it is the tenant's and the key may use it. Raises NotFound."""
    caller = caller_of(request)
    row = Collection.objects.select_related("tenant").filter(tenant=caller.tenant.id, name=name).first()
    if row is None or not row.admits_key(caller.key_name):
        raise NotFound(f"There is no collection {name[:80]!r} that this key may use.")
    return row


def document_of(request: HttpRequest, document_id: UUID) -> Document:
    """The document, if its collection is one that the key may use. Raises NotFound."""
    caller = caller_of(request)
    rows = Document.objects.select_related("collection__tenant").filter(collection__tenant=caller.tenant.id)
    row = rows.filter(pk=document_id).first()
    if row is None or not row.collection.admits_key(caller.key_name):
        raise NotFound(f"There is no document {document_id} that this key may use.")
    return row


def refused(wrong: ValidationError) -> InvalidRequest:
    """What was wrong, field by field, in the caller's form and by its names."""
    told = (f"{_NAMES.get(field, field)}: {' '.join(words)}" for field, words in wrong.message_dict.items())
    return InvalidRequest(" ".join(told))


_NAMES = {"key_globs": "keys", "is_required": "required"}
