"""The routes of a policy: the same pages for a tenant's and, for staff, for the platform's."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponseBase
from django.urls import URLPattern, path
from django.views.decorators.http import require_http_methods

from admin_ui import pages
from admin_ui.views import policies, replays
from tenants import access

View = Callable[..., HttpResponseBase]
_ROUTES: tuple[tuple[str, str, View, tuple[str, ...]], ...] = (
    ("", "", policies.index, ("GET",)),
    ("new/", "_new", policies.rule, ("GET", "POST")),
    ("rules/<str:rule_name>/", "_rule", policies.rule, ("GET", "POST")),
    ("rules/<str:rule_name>/remove/", "_remove", policies.remove, ("GET",)),
    ("versions/<int:number>/", "_version", policies.version, ("GET", "POST")),
    ("change/", "_change", policies.change, ("POST",)),
    ("prove/", "_prove", policies.prove, ("POST",)),
    ("prove/<uuid:proof_id>/", "_proved", policies.proved, ("GET",)),
    ("replays/", "_replays", replays.index, ("GET", "POST")),
    ("replays/<uuid:replay_id>/", "_replay", replays.report, ("GET", "POST")),
    ("replays/<uuid:replay_id>/progress/", "_replay_progress", replays.progress, ("GET",)),
    ("replays/<uuid:replay_id>/calls.csv", "_replay_calls", replays.calls, ("GET",)),
    ("replays/<uuid:replay_id>/report.json", "_replay_data", replays.data, ("GET",)),
    ("replays/<uuid:replay_id>/where/", "_replay_where", replays.where, ("POST",)),
    ("preview/", "_preview", policies.preview, ("POST",)),
    ("trial/", "_trial", policies.trial, ("POST",)),
)


def _of_platform(view: View) -> View:
    @wraps(view)
    def page(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        return view(request, None, *args, **kwargs)

    return pages.staff_page(page)


def _made(prefix: str, name: str, door: Callable[[View], View]) -> list[URLPattern]:
    return [
        path(f"{prefix}{route}", require_http_methods([*methods])(door(view)), name=f"{name}{suffix}")
        for route, suffix, view, methods in _ROUTES
    ]


TENANT = _made("policies/", "policies", pages.tenant_page(roles=access.MANAGERS))
PLATFORM = _made("platform/policies/", "all_policies", _of_platform)
