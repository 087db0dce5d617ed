"""What a question would find in a collection, and why: the same search that requests are answered from."""

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from admin_ui import document_passages, pages, throttled
from admin_ui.collection_forms import SearchForm
from admin_ui.views.keys import get_or_post
from proxy.knowledge.library import QuestionRefused, SearchDown, UnknownCollection, Wish
from tenants import access, retrieval
from tenants.models import Tenant


@get_or_post
@throttled.at_most("60/m", key=throttled.by_person)
@pages.tenant_page()
def search(request: HttpRequest, tenant: Tenant, collection_id: UUID) -> HttpResponse:
    """The form, and what it found. A question is kept nowhere, not in an address either."""
    row = access.collection_open_to(tenant, collection_id, pages.role(request))
    injected = retrieval.effective(tenant.inject, {})
    form = SearchForm(request.POST or None, top_k=injected["top_k"])
    context = {"tenant": tenant, "collection": row, "search": form, "least": injected["min_score"]}
    if request.method == "POST" and form.is_valid():
        asked = form.cleaned_data
        wish = Wish(top_k=asked["top_k"], min_score=-1.0, mode=asked["mode"])
        try:
            context["found"] = document_passages.search(
                tenant.pk, row.name, asked["question"], wish, least=injected["min_score"]
            )
        except QuestionRefused as refused:
            context["problem"] = str(refused)
        except (SearchDown, UnknownCollection) as down:
            context["problem"] = f"The collection cannot be searched now: {down}"
    elif form.errors:
        context["problem"] = " ".join(str(error) for errors in form.errors.values() for error in errors)
    piece = request.headers.get("hx-request") == "true"
    template = "admin_ui/collections/_found.html" if piece else "admin_ui/collections/search.html"
    return render(request, template, context)
