"""Every route there is, found by walking the resolver: strangers get nothing, and foreign looks like non-existent.

A new route takes part by itself. One with a parameter that is not known here fails until it says what an own, a
foreign and a missing object are.
"""

import json
import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.http import HttpResponseBase
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone

from proxy.alerts import raising
from proxy.alerts.models import Severity
from proxy.alerts.raising import Draft
from proxy.replays import queue, work
from proxy.replays.models import PolicyReplay
from proxy.replays.queue import Material
from tenants import actions
from tenants.models import Tenant
from tests.admin_ui.calls import record
from tests.admin_ui.shelf import shelve

METHODS = ("get", "post", "put", "delete")
# Open to anybody by design: what they show is nobody's.
PUBLIC = re.compile(
    r"^(|welcome/.*|invitation/.*|accounts/.*|docs|openapi\.json|v1/.*|api/.*|admin/(login|logout|jsi18n|password_change).*"
    r"|admin/.*autocomplete.*|start/|favicon\.ico)$"
)
_SIGN_IN = re.compile(r"/(accounts/sign-in|admin/login)/")
_PARAMETER = re.compile(r"<(?:\w+:)?(\w+)>")


def routes(resolver: URLResolver | None = None, prefix: str = "") -> Iterator[str]:
    """Every route, with its parameters as they are declared."""
    for entry in (resolver or get_resolver()).url_patterns:
        route = prefix + str(entry.pattern)
        if isinstance(entry, URLResolver):
            yield from routes(entry, route)
        elif isinstance(entry, URLPattern):
            yield route


ALL = sorted(set(routes()))
TENANT = [route for route in ALL if route.startswith("t/<slug:slug>/")]
PLATFORM = [route for route in ALL if route.startswith("platform/")]
ADMIN = [route for route in ALL if route.startswith("admin/")]


@dataclass(frozen=True)
class Objects:
    """What the parameters of a route may name: in one tenant, or nowhere."""

    slug: str
    values: dict[str, str]

    def fill(self, route: str, slug: str = "") -> str:
        values = {"slug": slug or self.slug, **self.values}
        return "/" + _PARAMETER.sub(lambda found: values[found[1]], route)


def objects(tenant: Tenant, owner: User) -> Objects:
    key = actions.issue_key(actor="x", tenant=tenant, name="ci").key
    upstream = actions.add_upstream(actor="x", tenant=tenant, name="main", kind="simulator")
    invited = actions.invite(actor="x", tenant=tenant, invited_by=owner, role="member", note="D", at=timezone.now())
    call = record(tenant, key_id=key.pk)
    call.save()
    channel = actions.add_channel(
        actor="x", tenant=tenant, name="team", kind="webhook", url="https://a.example.com"
    ).channel
    alert = raising.record(Draft("budget.blocked", Severity.BAD, "Full", tenant=tenant), str(tenant.pk), timezone.now())
    assert alert is not None
    view = actions.save_view(actor="x", tenant=tenant, owner=None, name="failed", query="state=failed")
    rule = {"name": f"no-{tenant.slug}", "on": ["request"], "match": {"keywords": [tenant.slug]}, "action": "block"}
    for note in ("", "again") if tenant.slug == "globex" else ("",):  # a number that only the foreign one has
        actions.save_policy(actor="x", tenant=tenant, document={"rules": [{**rule, "notes": note or "first"}]})
    policy = tenant.policy_versions.all()[0]
    collection = actions.add_collection(actor="x", tenant=tenant, name="handbook")
    document = shelve(collection, "leave.md", "Everybody has thirty days of leave.")
    replay = replayed(tenant, rule)
    values = {
        "collection_id": str(collection.pk),
        "document_id": str(document.pk),
        "rule_name": str(rule["name"]),
        "number": str(policy.number),
        "view_id": str(view.pk),
        "replay_id": str(replay.pk),
        "proof_id": str(queue.ask_proof(tenant, author="x").pk),
        "channel_id": str(channel.pk),
        "delivery_id": str(alert.deliveries.get().pk),
        "alert_id": alert.pk,
        "key_id": str(key.pk),
        "upstream_id": str(upstream.pk),
        "invitation_id": str(invited.invitation.pk),
        "username": owner.username,
        "request_id": call.pk,
    }
    return Objects(tenant.slug, values)


def replayed(tenant: Tenant, rule: dict[str, Any]) -> PolicyReplay:
    """A replay that is over, with something of everything in its report."""
    asked = {"model": "m", "max_tokens": 1, "messages": [{"role": "user", "content": tenant.slug}]}
    sample = f"{json.dumps(asked)}\n{json.dumps({**asked, 'response': 'yes'})}\nno request"
    tried = {"rules": [{**rule, "name": "another"}, {**rule, "name": "watched", "mode": "monitor"}]}
    row = queue.ask(tenant, tried, Material(sample=sample), title="Draft", author="x")
    claim = queue.claim()
    assert claim is not None
    work.work(claim, until=float("inf"))
    return row


MISSING = {
    "collection_id": str(uuid.UUID(int=4)),
    "document_id": str(uuid.UUID(int=5)),
    "rule_name": "no-such-rule",
    "number": "999999",
    "view_id": "999999",
    "replay_id": str(uuid.UUID(int=4)),
    "proof_id": str(uuid.UUID(int=4)),
    "channel_id": str(uuid.UUID(int=3)),
    "delivery_id": "999999",
    "alert_id": "evt_0",
    "key_id": str(uuid.UUID(int=1)),
    "upstream_id": str(uuid.UUID(int=2)),
    "invitation_id": "999999",
    "username": "nobody-of-this-name",
    "request_id": "req_000000000000000000000000",
}


@pytest.fixture
def own(acme: Tenant, alice: User) -> Objects:
    return objects(acme, alice)


@pytest.fixture
def foreign(globex: Tenant, charlie: User) -> Objects:
    return objects(globex, charlie)


def said(response: HttpResponseBase) -> tuple[int, str]:
    """Status and body, without what is new in every answer."""
    body = b"".join(response) if response.streaming else response.content  # type: ignore[attr-defined]
    text = re.sub(r'value="[A-Za-z0-9]{64}"|req_[0-9a-f]+|/t/[\w.-]+[^"<\s]*', "·", body.decode())
    return response.status_code, text


def test_the_walk_finds_the_routes_and_nothing_is_left_out() -> None:
    assert len(TENANT) > 15 and len(PLATFORM) > 3 and len(ADMIN) > 20
    known = {*TENANT, *PLATFORM, *ADMIN}
    assert [route for route in ALL if route not in known and not PUBLIC.match(route)] == []


@pytest.mark.parametrize("method", METHODS)
def test_nobody_signed_in_gets_nothing(client: Client, own: Objects, method: str) -> None:
    for route in (*TENANT, *PLATFORM):
        response = getattr(client, method)(own.fill(route))
        assert response.status_code in {302, 401, 403, 404, 405}, route
        assert response.status_code != 302 or response.headers["location"].startswith("/accounts/sign-in/"), route


@pytest.mark.parametrize("method", METHODS)
def test_a_foreign_tenant_looks_like_one_that_does_not_exist(
    client: Client, own: Objects, charlie: User, method: str
) -> None:
    client.force_login(charlie)
    for route in TENANT:
        foreign_answer = said(getattr(client, method)(own.fill(route)))
        missing_answer = said(getattr(client, method)(own.fill(route, slug="never-there")))
        assert foreign_answer == missing_answer, route
        assert foreign_answer[0] in {404, 405}, route


@pytest.mark.parametrize("method", METHODS)
def test_a_foreign_object_in_ones_own_tenant_looks_like_one_that_does_not_exist(
    client: Client, own: Objects, foreign: Objects, alice: User, method: str
) -> None:
    client.force_login(alice)
    for route in TENANT:
        if _PARAMETER.findall(route) == ["slug"]:
            continue
        foreign_answer = said(getattr(client, method)(Objects(own.slug, foreign.values).fill(route)))
        missing_answer = said(getattr(client, method)(Objects(own.slug, MISSING).fill(route)))
        assert foreign_answer == missing_answer, route
        assert foreign_answer[0] in {404, 405}, route


@pytest.mark.parametrize("method", METHODS)
def test_the_platforms_pages_are_for_staff_only(client: Client, own: Objects, alice: User, method: str) -> None:
    client.force_login(alice)
    for route in PLATFORM:
        assert getattr(client, method)(own.fill(route)).status_code in {403, 404, 405}, route


def test_djangos_admin_lets_in_staff_only(client: Client, own: Objects, alice: User) -> None:
    client.force_login(alice)
    values = {"object_id": "1", "app_label": "tenants", "url": "x", "content_type_id": "1", "user_id": "1"}
    for route in ADMIN:
        if PUBLIC.match(route) or route.startswith("admin/(?P"):
            continue
        path = "/" + re.sub(r"\(\?P<(\w+)>[^)]*\)|<(?:\w+:)?(\w+)>", lambda f: values.get(f[1] or f[2], "1"), route)
        response = client.get(re.sub(r"[\^$]", "", path))
        assert response.status_code in {302, 403, 404}, route
        assert response.status_code != 302 or _SIGN_IN.match(response.headers["location"]), route


def test_own_objects_are_found_so_that_the_tests_above_mean_something(
    client: Client, own: Objects, alice: User
) -> None:
    client.force_login(alice)
    shown = [route for route in TENANT if client.get(own.fill(route)).status_code == 200]
    assert len(shown) > 12
    assert any("key_id" in route for route in shown) and any("request_id" in route for route in shown)
