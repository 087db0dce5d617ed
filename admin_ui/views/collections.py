"""Collections: what a tenant's documents are kept in, how they are cut and embedded, and who may ask them."""

from uuid import UUID

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render, resolve_url
from django.urls import reverse
from django.views.decorators.http import require_safe

from admin_ui import collection_forms, collection_pages, forms, pages
from admin_ui.collection_forms import CollectionForm, SearchForm
from admin_ui.views.keys import get_or_post
from proxy.knowledge import documents
from proxy.knowledge.models import Document
from proxy.knowledge.parsing import kinds
from tenants import access, actions, retrieval
from tenants.models import ApiKey, Collection, Tenant

_MOST_RETRIED = 500


@require_safe
@pages.tenant_page()
def index(request: HttpRequest, tenant: Tenant) -> HttpResponse:
    """The collections that this person may look into."""
    collections = access.collections_open_to(tenant, pages.role(request))
    counts = collection_pages.counts(collections)
    asked = set(retrieval.effective(tenant.inject, {})["collections"])
    rows = [
        {"collection": row, "counts": counts[row.pk], "is_asked_by_default": row.name in asked} for row in collections
    ]
    return render(request, "admin_ui/collections/index.html", {"rows": rows, "tenant": tenant})


@get_or_post
@pages.tenant_page(roles=access.MANAGERS)
def new(request: HttpRequest, tenant: Tenant) -> HttpResponse:
    """The form of a new collection. For scripts: {"id", "name"} and where to load to, or {"error"}."""
    is_for_script = pages.is_script(request)
    filled = _with_defaults(request.POST.get("name", ""), tenant) if is_for_script else request.POST or None
    form = CollectionForm(filled, instance=Collection(tenant=tenant))
    if request.method == "POST" and form.is_valid():
        try:
            row = actions.add_collection(actor=pages.actor(request), tenant=tenant, **form.values)
        except ValidationError as refused:
            forms.adopt(form, refused)
        else:
            if is_for_script:
                return JsonResponse(addresses(tenant, row), status=201)
            messages.success(request, f"{row.name} is there. Load its first documents.")
            return HttpResponseRedirect(resolve_url("collections_one", tenant.slug, row.pk))
    if is_for_script:
        return JsonResponse({"error": _sentence(form)}, status=422)
    context = {"form": form, "tenant": tenant, **collection_forms.models(tenant)}
    return render(request, "admin_ui/collections/new.html", context, status=422 if form.errors else 200)


@require_safe
@pages.tenant_page()
def one(request: HttpRequest, tenant: Tenant, collection_id: UUID) -> HttpResponse:
    """Its documents with how far each has come, the place to drop more, and the search box."""
    row = access.collection_open_to(tenant, collection_id, pages.role(request))
    slug = tenant.slug
    table = collection_pages.table(row, request.GET)
    context = {
        "tenant": tenant,
        "collection": row,
        "table": table,
        "may_edit": pages.role(request) in access.EDITORS,
        "search": SearchForm(top_k=retrieval.effective(tenant.inject, {})["top_k"]),
        "shown": collection_pages.SHOWN,
        "accepted": kinds.ACCEPTED,
        "most_bytes": collection_pages.most_bytes(),
        "upload_url": reverse("collections_upload", args=[slug, row.pk]),
        "socket_url": f"/ws/t/{slug}/collections/{row.pk}/?{request.GET.urlencode()}",
    }
    return render(request, "admin_ui/collections/one.html", context)


@get_or_post
@pages.tenant_page(roles=access.MANAGERS)
def settings(request: HttpRequest, tenant: Tenant, collection_id: UUID) -> HttpResponse:
    """What may be changed of a collection, with what a change brings about."""
    row = access.collection_open_to(tenant, collection_id, pages.role(request))
    form = CollectionForm(request.POST or None, instance=Collection.objects.get(pk=row.pk))
    if request.method == "POST" and form.is_valid():
        try:
            actions.change_collection(actor=pages.actor(request), collection=row, **form.changes)
        except ValidationError as refused:
            forms.adopt(form, refused)
        else:
            messages.success(request, "Saved. It holds from the next second on.")
            return HttpResponseRedirect(resolve_url("collections_one", tenant.slug, row.pk))
    context = {
        "form": form,
        "tenant": tenant,
        "collection": row,
        "counts": collection_pages.counts([row])[row.pk],
        **collection_forms.models(tenant),
    }
    return render(request, "admin_ui/collections/settings.html", context, status=422 if form.errors else 200)


@get_or_post
@pages.tenant_page(roles=access.MANAGERS)
def delete(request: HttpRequest, tenant: Tenant, collection_id: UUID) -> HttpResponse:
    """Say what goes with it, then delete it."""
    row = access.collection_open_to(tenant, collection_id, pages.role(request))
    if request.method == "POST":
        actions.delete_collection(actor=pages.actor(request), collection=row)
        messages.success(request, f"{row.name} is deleted, with its documents.")
        return HttpResponseRedirect(resolve_url("collections", tenant.slug))
    keys = ApiKey.objects.filter(tenant=tenant, status=ApiKey.Status.ACTIVE).exclude(inject={})
    context = {
        "tenant": tenant,
        "collection": row,
        "counts": collection_pages.counts([row])[row.pk],
        "is_asked_by_default": row.name in tenant.inject.get("collections", []),
        "keys": sum(row.name in key.inject.get("collections", []) for key in keys),
    }
    return pages.ask(request, "admin_ui/collections/delete.html", context)


@get_or_post
@pages.tenant_page(roles=access.EDITORS)
def retry(request: HttpRequest, tenant: Tenant, collection_id: UUID) -> HttpResponse:
    """Have every failed document read again, after asking."""
    row = access.collection_open_to(tenant, collection_id, pages.role(request))
    failed = Document.objects.filter(collection=row, status=Document.Status.FAILED).order_by("queued_at", "pk")
    if request.method == "POST":
        some = list(failed[:_MOST_RETRIED])
        for document in some:
            documents.reindex(actor=pages.actor(request), document=document)
        messages.success(request, f"{len(some)} document{'' if len(some) == 1 else 's'} will be read again.")
        return HttpResponseRedirect(resolve_url("collections_one", tenant.slug, row.pk))
    context = {"tenant": tenant, "collection": row, "number": failed.count(), "most": _MOST_RETRIED}
    return pages.ask(request, "admin_ui/collections/retry.html", context)


def addresses(tenant: Tenant, row: Collection) -> dict[str, str]:
    """A collection for scripts: its name, and where files are sent and watched."""
    return {
        "id": str(row.pk),
        "name": row.name,
        "upload": reverse("collections_upload", args=[tenant.slug, row.pk]),
        "progress": reverse("collections_progress", args=[tenant.slug, row.pk]),
    }


def _with_defaults(name: str, tenant: Tenant) -> dict[str, object]:
    """A form in which only the name was filled."""
    fresh = Collection(tenant=tenant)
    return {
        "name": name,
        "embedding": fresh.embedding,
        "chunk_tokens": fresh.chunk_tokens,
        "chunk_overlap": fresh.chunk_overlap,
        "reranking": fresh.reranking,
        "personal_data": fresh.personal_data,
        "suspicious": fresh.suspicious,
        "key_globs": "\n".join(fresh.key_globs),
        "roles": fresh.roles,
    }


def _sentence(form: CollectionForm) -> str:
    return " ".join(str(error) for errors in form.errors.values() for error in errors)
