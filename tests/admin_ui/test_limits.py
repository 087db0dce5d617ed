"""Limits and budgets: entered in forms, shown as they stand, the same figures as the ledger's."""

import asyncio
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from admin_ui import allowances
from proxy import snapshots
from proxy.ledger import prices
from proxy.ledger.buckets import Demand, LocalBuckets, Place, Want, looking
from proxy.ledger.budgets import counting, periods, reading, reserving
from proxy.ledger.budgets.need import Need
from proxy.models import BudgetWindow
from tenants import actions
from tenants.models import ApiKey
from tests.proxy.ledger.calls import store

MONTH = [{"period": "month", "usd": 20, "on_exceed": "block"}]
RATES = {"rpm": 600, "output_tpm": 8000, "concurrency": 4}


def key_of(tenant, name="ci", *, used=True, **options):
    key = actions.issue_key(actor="x", tenant=tenant, name=name, **options).key
    if used:
        ApiKey.objects.filter(pk=key.pk).update(last_used_at=timezone.now())
        key.refresh_from_db()
    return key


def row(amount, unit="usd", period="month", on_exceed="block", was=""):
    return {"amount": amount, "unit": unit, "period": period, "on_exceed": on_exceed, "was": was}


def entered(*rows, **fields):
    data = {"name": "ci", "scopes": ["messages", "models"], "model_globs": "*", **fields}
    return {**data, **{f"budgets_{part}": [one[part] for one in rows] for part in row("")}}


def test_a_key_is_created_with_its_limits_and_budgets(client, acme, alice):
    client.force_login(alice)
    data = entered(
        row("$12.50"), row("5,000,000", "tokens", "day", "warn"), row(""), limit_rpm="60", limit_concurrency="3"
    )
    answer = client.post("/t/acme/keys/new/", data)
    assert answer.status_code == 200, answer.content
    key = ApiKey.objects.get()
    assert key.limits == {"rpm": 60, "concurrency": 3}
    assert key.budgets == [
        {"period": "month", "usd": 12.5, "on_exceed": "block"},
        {"period": "day", "tokens": 5_000_000, "on_exceed": "warn"},
    ]


def test_a_budget_is_changed_removed_and_keeps_what_the_form_does_not_show(client, acme, alice):
    key = key_of(acme, budgets=[{"period": "month", "usd": 20, "alert_at": [50]}, {"period": "day", "requests": 5}])
    client.force_login(alice)
    page = client.get(f"/t/acme/keys/{key.pk}/").content.decode()
    assert 'name="budgets_amount" value="20"' in page and 'name="budgets_was" value="1"' in page
    client.post(f"/t/acme/keys/{key.pk}/", entered(row("30", was="0"), row("", was="1"), row("")))
    key.refresh_from_db()
    assert key.budgets == [{"period": "month", "usd": 30, "on_exceed": "block", "alert_at": [50]}]


def test_what_a_form_does_not_hold_stays(client, acme, alice):
    key = key_of(acme, budgets=MONTH, limits=RATES)
    client.force_login(alice)
    fields = {f"limit_{name}": str(number) for name, number in RATES.items()}
    data = entered(**fields, ip_allow="10.0.0.0/8")
    assert client.post(f"/t/acme/keys/{key.pk}/", {k: v for k, v in data.items() if v}).status_code == 302
    key.refresh_from_db()
    assert (key.budgets, key.limits, key.ip_allow) == (MONTH, RATES, ["10.0.0.0/8"])


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([row("many")], "Budget 1: &#x27;many&#x27; is no amount"),
        ([row("1"), row("-3", period="day")], "Budget 2: the amount must be above 0"),
        ([row("1.5", "tokens")], "tokens are whole numbers"),
        ([row("1", period="decade")], "period must be one of"),
        ([row("1", "euro")], "choose one of usd"),
        ([row("1"), row("2")], "one of this period, unit and on_exceed already"),
        ([row("NaN")], "the amount must be above 0"),
        ([row("<script>alert(1)</script>")], "&lt;script&gt;"),
    ],
)
def test_a_wrong_budget_is_named_and_nothing_is_saved(client, acme, alice, rows, said):
    client.force_login(alice)
    answer = client.post("/t/acme/keys/new/", entered(*rows))
    assert answer.status_code == 422 and said in answer.content.decode()
    assert "<script>alert(1)" not in answer.content.decode()
    assert not ApiKey.objects.exists()


def test_the_tenants_own_are_set_in_its_settings(client, acme, alice):
    client.force_login(alice)
    data = {**entered(row("500")), "name": "Acme", "timezone": "UTC", "limit_input_tpm": "400000"}
    assert client.post("/t/acme/settings/", data).status_code == 302
    acme.refresh_from_db()
    assert acme.budgets == [{"period": "month", "usd": 500, "on_exceed": "block"}]
    assert acme.limits == {"input_tpm": 400_000}
    assert client.post("/t/acme/settings/", {**data, "limit_input_tpm": "0"}).status_code == 422


def reserved(tenant, key, output_tokens=2000):
    """What a call under way holds."""
    tenant.refresh_from_db()
    budgets = [*snapshots.budgets_of(key.pk, key.budgets), *snapshots.budgets_of(tenant.pk, tenant.budgets)]
    quote = prices.PriceBook([]).price_of("claude-opus-5", 0, timezone.now())
    need = Need(quote, quote.input_nano, 0, 256, output_tokens)
    reserving.reserve(f"call-{key.name}", budgets, tenant.timezone, timezone.now(), need)
    return need.amount("usd", output_tokens)


def test_spent_held_and_free_are_the_ledgers_and_stand_apart(client, acme, alice):
    actions.change_tenant(actor="x", tenant=acme, budgets=[{"period": "month", "usd": 100}], timezone="Europe/Rome")
    acme.refresh_from_db()
    key = key_of(acme, budgets=MONTH)
    store(acme.pk, key_id=key.pk, cost_nano_usd=3 * 10**9)
    held = reserved(acme, key)
    client.force_login(alice)
    page = client.get("/t/acme/limits/")
    (own,), line = page.context["own"], page.context["page"][0]
    for standing in (own, line.tightest):
        assert (standing.spent, standing.held) == (3 * 10**9, held)
        assert standing.free == standing.budget.amount - 3 * 10**9 - held
    text = page.content.decode()
    assert "$3.00" in text and "$0.05" in text and "$16.95" in text and "$96.95" in text
    next_month = periods.window("month", timezone.now(), "Europe/Rome")[1]
    assert own.ends_at == next_month
    assert f"{next_month.astimezone(ZoneInfo('Europe/Rome')):%-d %b %Y 00:00}" in text
    client.cookies["zone"] = "America/New_York"
    shown = next_month.astimezone(ZoneInfo("America/New_York"))
    assert f"{shown:%-d %b %Y %H:%M}" in client.get("/t/acme/limits/").content.decode()
    assert "$3.00" in client.get("/t/acme/").content.decode()  # Home, too
    assert "15 % of $20 a month" in client.get("/t/acme/keys/").content.decode()
    detail = client.get(f"/t/acme/limits/keys/{key.pk}/").content.decode()
    assert "$16.95" in detail and "$96.95" in detail


@pytest.mark.parametrize("zone", ["UTC", "Asia/Kolkata", "America/New_York"])
def test_windows_that_no_call_has_met_are_counted_from_what_was_used(acme, zone):
    actions.change_tenant(actor="x", tenant=acme, timezone=zone)
    acme.refresh_from_db()
    keys = [key_of(acme, name) for name in ("one", "two")]
    at = datetime(2026, 11, 24, 12, 10, tzinfo=ZoneInfo("UTC"))
    ApiKey.objects.update(last_used_at=at)
    for number in range(40):
        store(
            acme.pk,
            key_id=keys[number % 2].pk,
            started_at=at - timedelta(minutes=47 * number),
            cost_nano_usd=10**number if number < 15 else 7,
            endpoint="messages" if number % 3 else "count_tokens",
            state="started" if number % 7 == 0 else "completed",
        )
    asked = []
    for period in ("minute", "hour", "day", "week", "month", "total"):
        for unit in ("usd", "tokens", "requests"):
            for owner in (acme.pk, *(key.pk for key in keys)):
                (budget,) = snapshots.budgets_of(owner, [{"period": period, unit: 50}])
                asked.append(reading.Asked(budget, acme.pk, zone, at))
    for standing, one in zip(reading.standings(asked, at), asked, strict=True):
        starts_at, ends_at = periods.window(one.budget.period, at, zone)
        window = BudgetWindow(
            owner_id=one.budget.owner_id,
            unit=one.budget.unit,
            period=one.budget.period,
            starts_at=starts_at,
            ends_at=ends_at,
        )
        assert standing.spent == counting.spent(window), (one.budget.period, one.budget.unit)


def test_the_nearest_key_comes_first_and_queries_do_not_grow(client, acme, alice):
    for number in range(3):
        key = key_of(acme, f"key-{number}", budgets=MONTH)
        store(acme.pk, key_id=key.pk, cost_nano_usd=number * 9 * 10**9)
    client.force_login(alice)
    client.get("/t/acme/limits/")

    def page():
        with CaptureQueriesContext(connection) as queries:
            answer = client.get("/t/acme/limits/")
        return answer, len(queries)

    answer, few = page()
    assert [line.owner.name for line in answer.context["page"]] == ["key-2", "key-1", "key-0"]
    assert answer.context["near"] == 1
    for number in range(60):
        key_of(acme, f"more-{number}", budgets=MONTH)
    answer, many = page()
    assert many <= few and len(answer.context["page"]) == 50
    assert [line.owner.name for line in client.get("/t/acme/limits/?q=key-1").context["page"]] == ["key-1"]


def test_staff_sees_all_tenants_and_a_member_only_the_own(client, acme, globex, alice):
    for tenant in (acme, globex):
        actions.change_tenant(actor="x", tenant=tenant, budgets=MONTH)
        reserved(tenant, key_of(tenant, f"of-{tenant.slug}", budgets=MONTH))
    client.force_login(alice)
    page = client.get("/t/acme/limits/").content.decode()
    assert "of-acme" in page and "of-globex" not in page
    assert client.get("/platform/limits/").status_code == 404
    alice.is_superuser = True
    alice.save()
    page = client.get("/platform/limits/").content.decode()
    assert "of-acme" in page and "of-globex" in page


def test_nothing_set_says_what_one_could_set(client, acme, alice, bob):
    client.force_login(alice)
    assert "Set a budget" in client.get("/t/acme/limits/").content.decode()
    client.force_login(bob)
    page = client.get("/t/acme/limits/").content.decode()
    assert "Set a budget" not in page and "An owner or admin" in page


async def test_limits_are_this_processs_own_and_looking_takes_nothing(acme_rates):
    buckets = LocalBuckets()
    owner = acme_rates
    wants = [Want(f"{owner}:requests", 600, 60), Want(f"{owner}:output-tokens", 8000, 2000)]
    await buckets.take(Demand("a", wants, [Place(f"{owner}:running", 4)]))
    assert await asyncio.to_thread(allowances.rates, owner, RATES) is not None
    with looking.shown(buckets):
        for _ in range(3):
            rates = await asyncio.to_thread(allowances.rates, owner, RATES)
    found = {rate.word: (rate.used, rate.free) for rate in rates}
    assert found["Requests a minute"][0] in range(50, 61)
    assert found["Output tokens a minute"][0] in range(1800, 2001)
    assert found["Requests at once"] == (1, 3)
    assert [rate.used for rate in await asyncio.to_thread(allowances.rates, owner, RATES)] == [None] * len(rates)


@pytest.fixture
def acme_rates():
    return "11111111-1111-1111-1111-111111111111"


def test_limits_without_a_store_here_are_shown_all_the_same(client, acme, alice):
    actions.change_tenant(actor="x", tenant=acme, limits=RATES)
    client.force_login(alice)
    page = client.get("/t/acme/limits/").content.decode()
    assert "Output tokens a minute" in page and "not known here" in page
    assert "8,000" in page
