"""Every page that the resolver knows, where there is three times as much to show: as few queries, and light."""

import gzip
import re
from datetime import timedelta
from functools import cache

import pytest
from django.contrib.auth.models import User
from django.contrib.staticfiles import finders
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from admin_ui import sessions
from proxy.knowledge.models import Document, DocumentUse
from proxy.models import UsageRecord
from tenants import actions
from tenants.models import ApiKey, Collection, Membership, Tenant, Upstream
from tests.admin_ui.calls import record
from tests.admin_ui.shelf import shelve
from tests.proxy.ledger.calls import keep
from tests.security import test_matrix as matrix

MOST_QUERIES = 50
MOST_BYTES = 200 * 1024
ROWS = 22  # more than a list of the costliest shows
_BUDGETS = [{"period": "month", "usd": 20}, {"period": "day", "tokens": 5_000_000, "on_exceed": "warn"}]
_ASSET = re.compile(r'(?:src|href)="/static/([^"?]+)"')


def grow(tenant: Tenant, by: User, name: str) -> None:
    """So many more of everything a page may list."""
    now = timezone.now()
    for number in range(ROWS):
        text = f"{name}-{number:03}"
        key = actions.issue_key(actor="x", tenant=tenant, name=text, budgets=_BUDGETS, limits={"rpm": 60}).key
        _grow_documents(tenant, text)
        upstream = Upstream.objects.create(tenant=tenant, name=text, kind="simulator")
        user = User.objects.create_user(text)
        Membership.objects.create(user=user, tenant=tenant, role="viewer")
        actions.invite(actor="x", tenant=tenant, invited_by=by, role="member", note=text, at=now)
        other = Tenant.objects.create(slug=text, name=text, budgets=_BUDGETS)
        ApiKey.objects.create(tenant=other, name=text, budgets=_BUDGETS, last_used_at=now)
        keep(
            record(
                owner,
                key_id=key.pk,
                key_name=text,
                upstream_id=upstream.pk,
                model_asked=f"model-{text}",
                session_id=f"session-{text}",
                agent_id=f"agent-{text}",
                user_agent=f"agent/{text}",
                state=state,
                status=200 if state == "completed" else 429,
                error_type="" if state == "completed" else f"error-{text}",
                started_at=now - timedelta(hours=hours),
            )
            for owner in (tenant, other)
            for state in ("completed", "refused")
            for hours in (0, 20)
        )
    ApiKey.objects.update(last_used_at=now)


def _grow_documents(tenant: Tenant, text: str) -> None:
    """Another collection, another document of the first one, and another request that was given that."""
    first = Collection.objects.filter(tenant=tenant).earliest("created_at")
    Collection.objects.create(tenant=tenant, name=text)
    shelve(first, f"{text}.md", "Thirty days.", tags=(text,))
    document = Document.objects.filter(collection=first).earliest("created_at")
    DocumentUse.objects.create(document=document, request_id=text, used_at=timezone.now(), passages=1, citations=1)


@pytest.fixture
def pages(client: Client, acme: Tenant, alice: User) -> list[str]:
    """Each with one of everything in it; staff may open all of them."""
    User.objects.filter(pk=alice.pk).update(is_superuser=True)
    client.force_login(alice)
    own = matrix.objects(acme, alice)
    grow(acme, alice, "few")
    found = []
    for route in (*matrix.TENANT, *matrix.PLATFORM):
        answer = client.get(own.fill(route))
        if answer.status_code == 200 and answer.headers["content-type"].startswith("text/html"):
            found.append(own.fill(route))
    usage = ("key", "model", "client", "session", "agent", "upstream", "day", "tenant")
    found += [f"{place}/usage/?by={by}&range=30d" for by in usage for place in ("/t/acme", "/platform")]
    found += [f"/t/acme/?range={span}" for span in ("1h", "7d", "30d")]
    return found


@pytest.mark.slow
def test_no_page_asks_more_where_there_is_more_or_weighs_too_much(
    client: Client, pages: list[str], acme: Tenant, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert len(pages) > 40
    monkeypatch.setattr(sessions, "_SEEN_EVERY_SECONDS", 10**6)  # else a page a minute writes the session, too
    few = {path: _visit(client, path)[0] for path in pages}
    grow(acme, alice, "more")
    grow(acme, alice, "most")
    assert UsageRecord.objects.filter(tenant_id=acme.pk).count() > 3 * ROWS * 4
    visits = {path: _visit(client, path) for path in pages}
    many = {path: queries for path, (queries, _weight) in visits.items()}
    assert {path: (few[path], many[path]) for path in pages if many[path] > few[path]} == {}
    assert {path: count for path, count in many.items() if count > MOST_QUERIES} == {}
    assert {path: weight for path, (_queries, weight) in visits.items() if weight > MOST_BYTES} == {}


def _visit(client: Client, path: str) -> tuple[int, int]:
    """The page's queries, and its bytes with all it loads, compressed."""
    with CaptureQueriesContext(connection) as captured:
        answer = client.get(path)
    assert answer.status_code == 200, path
    html = answer.content
    return len(captured), len(gzip.compress(html)) + sum(_asset(name) for name in set(_ASSET.findall(html.decode())))


@cache
def _asset(name: str) -> int:
    found = finders.find(name)
    assert isinstance(found, str), name
    with open(found, "rb") as file:
        return len(gzip.compress(file.read()))
