"""Documents of a collection: sent, watched, read, changed, removed."""

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render, resolve_url
from django.views.decorators.http import require_POST, require_safe

from admin_ui import collection_pages, document_passages, forms, pages, throttled
from admin_ui.collection_forms import DocumentForm
from admin_ui.views.keys import get_or_post
from proxy.knowledge import documents, uses
from proxy.knowledge.models import Document
from tenants import access
from tenants.models import Collection, Tenant

_MOST_WATCHED = 100
_MOST_SAID = 5
_PASSAGES_PER_PAGE = 20
_MOST_RECENT = 10
_SOURCE = re.compile(r"(?P<collection>[\w-]{1,63})/(?P<name>[^#]{1,2000})(?:#page=(?P<page>\d{1,8}))?")


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What became of one file: a document and how, or why there is none."""

    name: str
    became: str = ""
    document: Document | None = None
    error: str = ""


@require_POST
@throttled.at_most("300/m", key=throttled.by_person)
@pages.tenant_page(roles=access.EDITORS)
def upload(request: HttpRequest, tenant: Tenant, collection_id: UUID) -> HttpResponse:
    """Take files in. For scripts one at a time: {"name", "became", "id"}, or {"error"} that says what to do."""
    row = access.collection_open_to(tenant, collection_id, pages.role(request))
    files = request.FILES.getlist("file")
    path = request.POST.get("path", "") if len(files) == 1 else ""
    outcomes = [_load(pages.actor(request), row, file, path or file.name or "") for file in files]
    if not outcomes:
        outcomes = [_Outcome("", error="No file came with it. Choose at least one.")]
    if pages.is_script(request):
        return _for_script(outcomes[0])
    _say(request, outcomes)
    return HttpResponseRedirect(resolve_url("collections_one", tenant.slug, row.pk))


@require_safe
@pages.tenant_page()
def progress(request: HttpRequest, tenant: Tenant, collection_id: UUID) -> HttpResponse:
    """How far the documents are that the address names: {"documents": {id: {"status", "progress", "reason"}}}."""
    row = access.collection_open_to(tenant, collection_id, pages.role(request))
    ids = [one for one in request.GET.getlist("document") if _is_id(one)][:_MOST_WATCHED]
    found = Document.objects.filter(collection=row, pk__in=ids)
    told = {
        str(one.pk): {"status": one.status, "progress": one.progress, "reason": one.reason}
        for one in found.only("pk", "status", "progress", "reason")
    }
    return JsonResponse({"documents": told})


@get_or_post
@pages.tenant_page()
def document(request: HttpRequest, tenant: Tenant, document_id: UUID) -> HttpResponse:
    """A document: its facts, its passages with their places, and for editors what is said of it."""
    row = collection_pages.document_open_to(tenant, document_id, pages.role(request))
    if request.method == "POST":
        access.tenant_for(pages.person(request), tenant.slug, roles=access.EDITORS)
    may_edit = pages.role(request) in access.EDITORS
    form = DocumentForm(request.POST or None, document=row) if may_edit else None
    if request.method == "POST" and form is not None and form.is_valid():
        try:
            documents.change(actor=pages.actor(request), document=row, facts=form.facts)
        except ValidationError as refused:
            forms.adopt(form, refused)
        else:
            messages.success(request, "Saved. Searches see it at once.")
            return HttpResponseRedirect(resolve_url("collections_document", tenant.slug, row.pk))
    found = document_passages.of(row)
    context = {
        "tenant": tenant,
        "collection": row.collection,
        "row": collection_pages.shown(row, uses.of_documents(tenant.pk, [row.pk]).get(row.pk, uses.NONE)),
        "recent": uses.recent(tenant.pk, row.pk, _MOST_RECENT),
        "form": form,
        "may_edit": may_edit,
        "passages": found,
        "page": Paginator(found.pieces, _PASSAGES_PER_PAGE).get_page(_page(request)),
    }
    status = 422 if form is not None and form.errors else 200
    return render(request, "admin_ui/collections/document.html", context, status=status)


@require_safe
@pages.tenant_page()
def source(request: HttpRequest, tenant: Tenant) -> HttpResponse:
    """To the passage that a citation's source (`of`) names, such as handbook/leave.pdf#page=2."""
    cited = _SOURCE.fullmatch(request.GET.get("of", ""))
    if cited is None:
        raise Http404
    row = collection_pages.document_named(tenant, cited["collection"], unquote(cited["name"]), pages.role(request))
    page = int(cited["page"] or 0)
    at = next((piece.ordinal for piece in document_passages.of(row).pieces if page and piece.page == page), 0)
    return HttpResponseRedirect(f"{resolve_url('collections_document', tenant.slug, row.pk)}?at={at}#passage-{at}")


@require_POST
@pages.tenant_page(roles=access.EDITORS)
def reindex(request: HttpRequest, tenant: Tenant, document_id: UUID) -> HttpResponse:
    """Read it again, whatever came of it before."""
    row = collection_pages.document_open_to(tenant, document_id, pages.role(request))
    documents.reindex(actor=pages.actor(request), document=row)
    messages.success(request, f"{row.name} will be read again.")
    return _back(request, tenant, row)


@require_POST
@pages.tenant_page(roles=access.EDITORS)
def cancel(request: HttpRequest, tenant: Tenant, document_id: UUID) -> HttpResponse:
    """Stop the reading of it."""
    row = collection_pages.document_open_to(tenant, document_id, pages.role(request))
    after = documents.cancel(actor=pages.actor(request), document=row)
    if after.status == Document.Status.CANCELLED:
        messages.success(request, f"{row.name} is no longer read. What was searchable before stays so.")
    else:
        messages.success(request, f"{row.name} had been read already.")
    return _back(request, tenant, row)


@get_or_post
@pages.tenant_page(roles=access.EDITORS)
def delete(request: HttpRequest, tenant: Tenant, document_id: UUID) -> HttpResponse:
    """Say what goes with it, then delete it."""
    row = collection_pages.document_open_to(tenant, document_id, pages.role(request))
    if request.method == "POST":
        documents.delete(actor=pages.actor(request), document=row)
        messages.success(request, f"{row.name} is deleted.")
        return HttpResponseRedirect(resolve_url("collections_one", tenant.slug, row.collection_id))
    context = {"tenant": tenant, "row": collection_pages.shown(row), "collection": row.collection}
    return pages.ask(request, "admin_ui/collections/document_delete.html", context)


def _load(actor: str, collection: Collection, file: "UploadedFile[Any]", name: str) -> _Outcome:
    try:
        loaded = documents.load(actor=actor, collection=collection, name=name, content=file.chunks())
    except ValidationError as refused:
        return _Outcome(name[:300], error=" ".join(refused.messages))
    return _Outcome(name, loaded.became, loaded.document)


def _for_script(outcome: _Outcome) -> HttpResponse:
    if outcome.document is None:
        return JsonResponse({"name": outcome.name, "error": outcome.error}, status=422)
    told = {"name": outcome.name, "became": outcome.became, "id": str(outcome.document.pk)}
    return JsonResponse({**told, "status": outcome.document.status})


def _say(request: HttpRequest, outcomes: list[_Outcome]) -> None:
    taken = sum(one.became in ("created", "replaced") for one in outcomes)
    same = sum(one.became == "unchanged" for one in outcomes)
    wrong = [one for one in outcomes if one.error]
    if taken:
        messages.success(request, f"{taken} file{'' if taken == 1 else 's'} taken in. They are read now.")
    if same:
        messages.info(request, f"{same} file{' is' if same == 1 else 's are'} here already, with the same content.")
    for one in wrong[:_MOST_SAID]:
        messages.error(request, f"{one.name[:100]}: {one.error}" if one.name else one.error)
    if len(wrong) > _MOST_SAID:
        messages.error(request, f"{len(wrong) - _MOST_SAID} more files were not taken in.")


def _back(request: HttpRequest, tenant: Tenant, row: Document) -> HttpResponse:
    """To the document where the button stood on its page, else to the collection."""
    if "document" in request.POST:
        return HttpResponseRedirect(resolve_url("collections_document", tenant.slug, row.pk))
    return HttpResponseRedirect(resolve_url("collections_one", tenant.slug, row.collection_id))


def _page(request: HttpRequest) -> str | int | None:
    """The page asked for, by its number or by a passage that is on it."""
    at = request.GET.get("at", "")
    return int(at) // _PASSAGES_PER_PAGE + 1 if at.isdecimal() and len(at) < 9 else request.GET.get("page")


def _is_id(text: Any) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True
