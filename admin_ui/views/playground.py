"""Playground: ask a model from the browser, through the same door and by the same rules as any program.

The page itself calls `/v1/messages`: with a pass for one of the tenant's keys, which lives for minutes and is worth
nothing outside the session it was given in, or with a key that the person pastes and that stays in the page. What is
tried is the real path: limits, budgets, routing, record and all.
"""

from uuid import UUID

from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe
from django_ratelimit.core import is_ratelimited

from admin_ui import collection_pages, pages, request_filters
from admin_ui.views import collections
from proxy import snippets
from proxy.knowledge.parsing import kinds
from proxy.models import UsageRecord
from tenants import access, actions
from tenants.models import ApiKey, Scope, Tenant

_RECENT = 1000
_MOST_KEYS = 200
_MOST_COLLECTIONS = 200
_PASSES = "20/m"


@require_safe
@pages.tenant_page()
def playground(request: HttpRequest, tenant: Tenant) -> HttpResponse:
    """The page; asking is its script's."""
    role = pages.role(request)
    recent = UsageRecord.objects.filter(tenant_id=tenant.pk).order_by("-started_at")
    models = {model for (model,) in recent.values_list("model_asked")[:_RECENT] if model}
    may_play = role in access.PLAYERS
    context = {
        "tenant": tenant,
        "keys": [key for key in _keys(tenant)[:_MOST_KEYS] if Scope.MESSAGES in key.scopes] if may_play else [],
        "chosen": request.GET.get("key", ""),
        "models": sorted(models | {snippets.MODEL}),
        "model": request.GET.get("model", "")[: request_filters.MOST_CHARS] or snippets.MODEL,
        "requests_url": reverse("requests", args=[tenant.slug]),
        "pass_url": reverse("playground_pass", args=[tenant.slug]),
        "collections": [
            collections.addresses(tenant, row) for row in access.collections_open_to(tenant, role)[:_MOST_COLLECTIONS]
        ],
        "collection": request.GET.get("collection", ""),
        "may_load": role in access.EDITORS,
        "may_make": role in access.MANAGERS,
        "accepted": kinds.ACCEPTED,
        "most_bytes": collection_pages.most_bytes(),
    }
    return render(request, "admin_ui/playground.html", context)


@never_cache
@require_POST
@pages.tenant_page(roles=access.PLAYERS)
def give_pass(request: HttpRequest, tenant: Tenant) -> HttpResponse:
    """A pass for the key that the form names: {"secret", "seconds"}, or {"error"} with a status that says whose."""
    try:
        key = access.key_for(tenant, UUID(request.POST.get("key", "")))
    except ValueError:
        raise Http404 from None
    person = pages.person(request)
    if is_ratelimited(request, group="playground", key=lambda *_: str(person.pk), rate=_PASSES, increment=True):
        return JsonResponse({"error": "Too many passes at once. Try again in a minute."}, status=429)
    now = timezone.now()
    try:
        given = actions.open_playground(
            actor=pages.actor(request), key=key, user=person, session_key=str(request.session.session_key), at=now
        )
    except ValidationError as refused:
        return JsonResponse({"error": " ".join(refused.messages)}, status=422)
    return JsonResponse({"secret": given.secret, "seconds": int((given.expires_at - now).total_seconds())})


def _keys(tenant: Tenant) -> QuerySet[ApiKey]:
    alive = Q(expires_at=None) | Q(expires_at__gt=timezone.now())
    return ApiKey.objects.filter(alive, tenant=tenant, status=ApiKey.Status.ACTIVE).order_by("name")
