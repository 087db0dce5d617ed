"""Saved views: filters of requests under a name, one's own or everybody's in the tenant."""

from urllib.parse import urlencode

from django import forms as django_forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import resolve_url
from django.utils import timezone

from admin_ui import forms, pages, request_filters
from admin_ui.views.keys import get_or_post
from tenants import access, actions
from tenants.models import Tenant

_MINE, _ALL = "mine", "all"


class NameForm(django_forms.Form):
    """What a view is called."""

    name = django_forms.CharField(max_length=60, widget=django_forms.TextInput(attrs={"autocomplete": "off"}))


class SaveForm(NameForm):
    """What a view is called and whose it is."""

    whose = django_forms.ChoiceField(
        label="For", choices=[(_MINE, "Me"), (_ALL, "Everybody here")], initial=_MINE, widget=django_forms.RadioSelect
    )


@get_or_post
@pages.tenant_page()
def new(request: HttpRequest, tenant: Tenant) -> HttpResponse:
    """Give the filters of this address a name."""
    person = pages.person(request)
    asked = request_filters.read(request.GET, tenant_id=tenant.pk, now=timezone.now())
    form = SaveForm(request.POST or None)
    place = pages.place_of(request)
    if place is None or not place.is_manager:
        del form.fields["whose"]
    if request.method == "POST" and form.is_valid():
        owner = None if form.cleaned_data.get("whose") == _ALL else person
        try:
            view = actions.save_view(
                actor=pages.actor(request), tenant=tenant, owner=owner, name=form.cleaned_data["name"],
                query=asked.query(),
            )  # fmt: skip
        except ValidationError as refused:
            forms.adopt(form, refused)
        else:
            messages.success(request, f"{view.name} is saved.")
            return _to_requests(tenant, view.query)
    context = {"form": form, "query": asked.query(), "filters": asked.chips, "range": asked.range}
    return pages.ask(request, "admin_ui/saved_views/new.html", context, 422 if form.errors else 200)


@get_or_post
@pages.tenant_page()
def rename(request: HttpRequest, tenant: Tenant, view_id: int) -> HttpResponse:
    """Another name for a view."""
    view = access.view_for(pages.person(request), tenant, view_id, to_change=True)
    form = NameForm(request.POST or None, initial={"name": view.name})
    if request.method == "POST" and form.is_valid():
        try:
            view = actions.rename_view(actor=pages.actor(request), view=view, name=form.cleaned_data["name"])
        except ValidationError as refused:
            forms.adopt(form, refused)
        else:
            messages.success(request, f"It is called {view.name} now.")
            return _to_requests(tenant, view.query)
    return pages.ask(
        request, "admin_ui/saved_views/rename.html", {"form": form, "view": view}, 422 if form.errors else 200
    )


@get_or_post
@pages.tenant_page()
def delete(request: HttpRequest, tenant: Tenant, view_id: int) -> HttpResponse:
    """Forget a view; requests are not touched."""
    view = access.view_for(pages.person(request), tenant, view_id, to_change=True)
    if request.method == "POST":
        actions.delete_view(actor=pages.actor(request), view=view)
        messages.success(request, f"{view.name} is deleted.")
        return _to_requests(tenant, "")
    return pages.ask(request, "admin_ui/saved_views/delete.html", {"view": view})


def links(request: HttpRequest, tenant: Tenant, query: str) -> list[dict[str, object]]:
    """The views this person sees above the table, with the one in use marked."""
    wanted = _parts(query)
    place = pages.place_of(request)
    is_manager = place is not None and place.is_manager
    return [
        {
            "view": view,
            "is_current": _parts(view.query) == wanted,
            "may_change": view.owner_id is not None or is_manager,
        }
        for view in access.views_for(pages.person(request), tenant)
    ]


def _parts(query: str) -> set[tuple[str, str]]:
    """What an address asks for, whatever the order."""
    return {(name, str(value)) for name, value in QueryDict(query).items() if value}


def _to_requests(tenant: Tenant, query: str) -> HttpResponseRedirect:
    return HttpResponseRedirect(f"{resolve_url('requests', tenant.slug)}?{urlencode(sorted(_parts(query)))}")
