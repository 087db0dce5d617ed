"""API keys of a tenant. A new secret is in the answer to the request that made it, and nowhere else."""

from datetime import timedelta
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.db.models import Prefetch, Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import render, resolve_url
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from admin_ui import addresses, allowances, forms, overview, pages, throttled
from proxy import snippets
from tenants import access, actions
from tenants.admin.forms import RotateForm
from tenants.models import ApiKey, KeySecret, Tenant

_PER_PAGE = 50
_SOON = timedelta(days=14)
SHOWN = {"active": "Active", "expiring": "Expiring soon", "unused": "Never used", "revoked": "Revoked", "all": "All"}

get_or_post = require_http_methods(["GET", "HEAD", "POST"])


@require_safe
@pages.tenant_page()
def index(request: HttpRequest, tenant: Tenant) -> HttpResponse:
    """The keys, narrowed by `q` and `show`."""
    now = timezone.now()
    show = request.GET.get("show", "active")
    show = show if show in SHOWN else "active"
    page = Paginator(_keys(tenant, request.GET, show), _PER_PAGE).get_page(request.GET.get("page"))
    weeks = overview.week_by_key([key.pk for key in page], now)
    standings = allowances.of_keys(page, now)
    rows = [
        {
            "key": key,
            "state": _state(key),
            "expires_soon": _expires_soon(key),
            "week": weeks[key.pk],
            "sum": sum(weeks[key.pk]),
            "standing": next(iter(standings.get(key.pk, ())), None),
        }
        for key in page
    ]
    has_any = bool(page.paginator.count) or ApiKey.objects.filter(tenant=tenant).exists()
    context = {
        "page": page,
        "rows": rows,
        "show": show,
        "shown": SHOWN,
        "q": request.GET.get("q", ""),
        "has_any": has_any,
    }
    return render(request, "admin_ui/keys/index.html", context)


@never_cache
@get_or_post
@throttled.at_most("30/m", key=throttled.by_person)
@pages.tenant_page(roles=access.MANAGERS)
def new(request: HttpRequest, tenant: Tenant) -> HttpResponse:
    """The form of a new key; its answer shows the secret, once."""
    form = forms.KeyForm(request.POST or None, instance=ApiKey(tenant=tenant))
    if request.method == "POST" and form.is_valid():
        try:
            issued = actions.issue_key(actor=pages.actor(request), tenant=tenant, **form.options)
        except ValidationError as refused:
            forms.adopt(form, refused)
        else:
            return _show_once(request, issued, "Key created")
    status = 422 if form.errors else 200
    return render(request, "admin_ui/keys/new.html", {"form": form}, status=status)


@get_or_post
@pages.tenant_page()
def edit(request: HttpRequest, tenant: Tenant, key_id: UUID) -> HttpResponse:
    """One key: its facts, and for managers its rules to change."""
    key = access.key_for(tenant, key_id)
    may_change = key.status == ApiKey.Status.ACTIVE and access.role_in(pages.person(request), tenant) in access.MANAGERS
    if request.method == "POST":
        access.tenant_for(pages.person(request), tenant.slug, roles=access.MANAGERS)
    form = forms.KeyForm(request.POST or None, instance=key) if may_change else None
    if request.method == "POST" and form is not None and form.is_valid():
        try:
            actions.change_key(actor=pages.actor(request), key=key, **form.changes)
        except ValidationError as refused:
            forms.adopt(form, refused)
        else:
            messages.success(request, "Saved. It holds from the next second on.")
            return HttpResponseRedirect(resolve_url("keys_edit", tenant.slug, key.pk))
    saved = access.key_for(tenant, key_id)  # the form has put what was entered into the other
    week = overview.week_by_key([key.pk], timezone.now())[key.pk]
    context = {
        "key": saved,
        "form": form,
        "state": _state(saved),
        "secrets": saved.secrets.all(),
        "week": week,
        "sum": sum(week),
        "standings": allowances.of_keys([saved], timezone.now()).get(saved.pk, []),
    }
    return render(request, "admin_ui/keys/edit.html", context, status=422 if form and form.errors else 200)


@never_cache
@get_or_post
@throttled.at_most("30/m", key=throttled.by_person)
@pages.tenant_page(roles=access.MANAGERS)
def rotate(request: HttpRequest, tenant: Tenant, key_id: UUID) -> HttpResponse:
    """Ask for how long the old secret stays; the answer shows the new one, once."""
    key = access.key_for(tenant, key_id)
    newest = key.secrets.first()
    form = RotateForm(request.POST or None, newest=newest.pk if newest else 0)
    if request.method == "POST" and form.is_valid():
        try:
            issued = actions.rotate_key(
                actor=pages.actor(request), key=key, at=timezone.now(), overlap=form.cleaned_data["overlap"]
            )
        except ValidationError as refused:
            forms.adopt(form, refused)
        else:
            return _show_once(request, issued, "Key rotated", overlap=form.cleaned_data["overlap"])
    return pages.ask(request, "admin_ui/keys/rotate.html", {"key": key, "form": form}, 422 if form.errors else 200)


@get_or_post
@pages.tenant_page(roles=access.MANAGERS)
def revoke(request: HttpRequest, tenant: Tenant, key_id: UUID) -> HttpResponse:
    """Say what it stops, then stop it."""
    key = access.key_for(tenant, key_id)
    if request.method == "POST":
        actions.revoke_key(actor=pages.actor(request), key=key)
        messages.success(request, f"{key.name} is revoked.")
        return HttpResponseRedirect(resolve_url("keys", tenant.slug))
    week = overview.week_by_key([key.pk], timezone.now())[key.pk]
    return pages.ask(request, "admin_ui/keys/revoke.html", {"key": key, "used": sum(week)})


def _show_once(
    request: HttpRequest, issued: actions.IssuedKey, title: str, overlap: timedelta | None = None
) -> HttpResponse:
    context = {
        "key": issued.key,
        "secret": issued.secret,
        "snippets": snippets.snippets(address=addresses.public(request), key=issued.secret),
        "title": title,
        "old_ends_at": timezone.now() + overlap if overlap else None,
        "is_rotation": overlap is not None,
    }
    response = render(request, "admin_ui/keys/issued.html", context)
    response.headers["Cache-Control"] = "no-store"
    return response


def _keys(tenant: Tenant, query: QueryDict, show: str) -> QuerySet[ApiKey]:
    now = timezone.now()
    active = Q(status=ApiKey.Status.ACTIVE) & (Q(expires_at=None) | Q(expires_at__gt=now))
    wanted = {
        "active": active,
        "expiring": active & Q(expires_at__lte=now + _SOON),
        "unused": active & Q(last_used_at=None),
        "revoked": Q(status=ApiKey.Status.REVOKED) | Q(expires_at__lte=now),
        "all": Q(),
    }[show]
    keys = ApiKey.objects.filter(wanted, tenant=tenant).order_by("name", "pk")
    text = query.get("q", "").strip()[:100]
    if text:
        ending = text[-4:] if text.startswith("llmp_") else text
        by_secret = KeySecret.objects.filter(key__tenant=tenant, last_four=ending).values("key_id")
        keys = keys.filter(Q(name__icontains=text) | Q(pk__in=by_secret))
    return keys.select_related("tenant").prefetch_related(Prefetch("secrets", to_attr="shown_secrets"))


def _state(key: ApiKey) -> str:
    is_over = key.status == ApiKey.Status.ACTIVE and key.expires_at is not None and key.expires_at <= timezone.now()
    return "expired" if is_over else str(key.status)


def _expires_soon(key: ApiKey) -> bool:
    return key.expires_at is not None and timezone.now() < key.expires_at <= timezone.now() + _SOON
