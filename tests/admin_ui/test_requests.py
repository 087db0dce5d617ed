"""The list of requests, its file and each request's page: who sees what, and what becomes of hostile text."""

import csv as stdlib_csv
import io
import re
from datetime import timedelta
from html import unescape
from uuid import UUID

import pytest
from channels.db import database_sync_to_async
from django.contrib.auth.models import User
from django.db import connections
from django.test import AsyncClient, Client
from django.utils import timezone

from admin_ui import csv
from proxy.models import UsageRecord
from tenants import actions
from tenants.models import Tenant
from tests.proxy.ledger.calls import build, store

URL = "/t/acme/requests/"
HOSTILE = "<script>window.__x=1</script>\"'><img src=x onerror=alert(1)>"


@pytest.fixture
def staff(db: None) -> User:
    return User.objects.create_superuser("root")


def as_(client: Client, user: User) -> Client:
    client.force_login(user)
    return client


def ids(page: str) -> list[str]:
    return re.findall(r'<tr id="(req_\w+)"', page)


@pytest.mark.parametrize("name", ["alice", "bob"])
def test_members_see_the_requests_of_their_tenant_alone(client, name, acme, globex, request):
    own, other = store(acme.pk), store(globex.pk, tenant_slug="globex")
    as_(client, request.getfixturevalue(name))
    assert ids(client.get(URL).content.decode()) == [own.pk]
    assert client.get(f"{URL}{own.pk}/").status_code == 200
    assert client.get(f"{URL}{other.pk}/").status_code == 404
    assert ids(client.get(f"{URL}?q={other.pk}").content.decode()) == []


@pytest.mark.parametrize("path", ["requests/", "requests.csv", "requests/req_000000000000000000000001/"])
def test_to_an_outsider_a_tenant_is_like_none(client, acme, charlie, path):
    as_(client, charlie)
    foreign, missing = client.get(f"/t/acme/{path}"), client.get(f"/t/nowhere/{path}")
    assert foreign.status_code == missing.status_code == 404
    assert foreign.content == missing.content


@pytest.mark.parametrize("path", ["requests/", "requests.csv", "requests/req_1/", "usage/", "usage.csv", "audit/"])
def test_the_pages_of_all_tenants_exist_for_staff_alone(client, alice, staff, path):
    assert as_(client, alice).get(f"/platform/{path}").status_code == 404
    expected = 404 if "req_" in path else 200
    assert as_(client, staff).get(f"/platform/{path}").status_code == expected


@pytest.mark.parametrize(
    "path", [URL, "/t/acme/requests.csv", "/platform/requests/", "/t/acme/usage/", "/t/acme/audit/"]
)
def test_a_stranger_is_asked_to_sign_in(client, acme, path):
    assert client.get(path).status_code == 302


def test_staff_sees_all_tenants(client, acme, globex, staff):
    rows = {store(acme.pk).pk, store(globex.pk, tenant_slug="globex").pk}
    page = as_(client, staff).get("/platform/requests/").content.decode()
    assert set(ids(page)) == rows
    for pk in rows:
        assert client.get(f"/platform/requests/{pk}/").status_code == 200


@pytest.mark.parametrize(
    ("query", "fields"),
    [
        ("state=failed", {"state": "failed"}),
        ("status=429", {"status": 429, "state": "refused"}),
        ("status=4xx", {"status": 404, "state": "refused"}),
        ("model=claude-haiku-5", {"model_asked": "claude-haiku-5"}),
        ("model=claude-h*", {"model_asked": "claude-haiku-5"}),
        ("session=s-1", {"session_id": "s-1"}),
        ("agent=a-1", {"agent_id": "a-1"}),
        (f"key={UUID(int=5)}", {"key_id": UUID(int=5)}),
        (f"upstream={UUID(int=6)}", {"upstream_id": UUID(int=6)}),
        ("q=req_upstream_1", {"upstream_request_id": "req_upstream_1"}),
    ],
)
def test_filters_are_in_the_address(client, acme, alice, query, fields):
    store(acme.pk)
    wanted = store(acme.pk, **fields)
    assert ids(as_(client, alice).get(f"{URL}?{query}").content.decode()) == [wanted.pk]


@pytest.mark.parametrize(
    "query",
    [
        "status=9",
        "status=%FF",
        "state=nope",
        "key=1",
        "from=x&to=y",
        "from=2026-01-02&to=2026-01-01",
        "before=0-x%00",
        "before=99999999999999999-a",
    ],
)
def test_a_wrong_filter_is_named_or_ignored_and_breaks_nothing(client, acme, alice, query):
    store(acme.pk)
    response = as_(client, alice).get(f"{URL}?{query}")
    assert response.status_code == 200
    if not query.startswith("before"):
        assert 'class="errors"' in response.content.decode()


def test_pages_follow_each_other_to_the_last_request(client, acme, alice):
    now = timezone.now()
    made = [store(acme.pk, started_at=now - timedelta(minutes=n)).pk for n in range(120)]
    as_(client, alice)
    url, seen = URL, []
    while url:
        page = client.get(url).content.decode()
        seen += ids(page)
        older = re.search(r'href="([^"]+)" rel="next"', page)
        url = unescape(older[1]) if older else ""
    assert seen == made


def test_the_number_of_queries_does_not_grow_with_the_rows(client, acme, alice, django_assert_max_num_queries):
    for number in range(60):
        actions.issue_key(actor="test", tenant=acme, name=f"key {number}")
        store(acme.pk, key_name=f"key {number}")
    as_(client, alice)
    with django_assert_max_num_queries(18):
        client.get(URL)
    record = UsageRecord.objects.first()
    with django_assert_max_num_queries(12):
        client.get(f"{URL}{record.pk}/")


HOSTILE_FIELDS = {
    "model_asked": HOSTILE,
    "model_served": HOSTILE,
    "user_agent": HOSTILE,
    "session_id": HOSTILE,
    "agent_id": HOSTILE,
    "parent_agent_id": HOSTILE,
    "error_type": HOSTILE[:64],
    "error_message": HOSTILE,
    "key_name": HOSTILE,
    "upstream_name": HOSTILE,
    "upstream_request_id": HOSTILE,
    "stop_reason": HOSTILE[:64],
    "state": "failed",
    "status": 500,
    "trace": [{"step": HOSTILE, "us": 4, HOSTILE: HOSTILE}, "no step", {"us": "x"}, {"step": "auth", "us": -5}],
}


@pytest.mark.parametrize(
    "path", ["requests/", "requests/{id}/", "usage/?by=model", "usage/?by=client", "usage/?by=session"]
)
def test_hostile_text_is_shown_as_text(client, acme, alice, path):
    record = store(acme.pk, **HOSTILE_FIELDS)
    page = as_(client, alice).get(f"/t/acme/{path.format(id=record.pk)}").content.decode()
    assert "<script>window" not in page and "<img src=x" not in page
    assert "&lt;img src=x" in page


def test_a_request_shows_where_its_time_went_what_it_cost_and_how_to_ask_again(client, acme, alice):
    trace = [{"step": "auth", "us": 50}, {"step": "upstream", "us": 400_000, "status": 200}]
    record = store(acme.pk, trace=trace, total_us=2_000_000, is_streaming=True)
    page = as_(client, alice).get(f"{URL}{record.pk}/").content.decode()
    for shown in ("Check the key", "Wait for the upstream", "Relay the answer", "$0.0087", "llmp_YOUR_KEY", record.pk):
        assert shown in page, shown
    bars = [(int(x), int(width)) for x, width in re.findall(r'<rect x="(\d+)" y="1" width="(\d+)"', page)]
    assert bars == [(0, 3), (0, 200), (200, 800)]


async def export(path: str, user: User) -> list[list[str]]:
    client = AsyncClient()
    await client.aforce_login(user)
    response = await client.get(path)
    assert response.status_code == 200
    text = b"".join([piece async for piece in response]).decode()
    await database_sync_to_async(connections.close_all)()
    return list(stdlib_csv.reader(io.StringIO(text)))


@pytest.mark.django_db(transaction=True)
async def test_the_file_holds_what_the_filters_leave_and_no_formula():
    tenant = await Tenant.objects.acreate(slug="acme", name="Acme")
    user = await User.objects.acreate_superuser("root")
    for number in range(5):
        row = store_later(tenant, number)
        await row.asave(force_insert=True)
    rows = await export("/t/acme/requests.csv?state=failed", user)
    head, body = rows[0], rows[1:]
    assert len(body) == 2
    assert {row[head.index("user_agent")] for row in body} == {'\'=HYPERLINK("http://evil")'}
    assert all(row[head.index("state")] == "failed" for row in body)


def store_later(tenant: Tenant, number: int) -> UsageRecord:
    from_whom = {"user_agent": '=HYPERLINK("http://evil")', "state": "failed" if number < 2 else "completed"}
    return build(tenant.pk, **from_whom)


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "  =1", "＝1"])
def test_a_cell_is_never_a_formula(text):
    assert csv.cell(text) == f"'{text}"


@pytest.mark.parametrize("value", ["plain", "a=b", 5, -5, ""])
def test_other_cells_are_as_they_are(value):
    assert csv.cell(value) == value
