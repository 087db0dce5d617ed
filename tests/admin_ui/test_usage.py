"""Usage and cost: sums that add up to the requests behind them, by whatever is compared."""

import re
from datetime import timedelta
from html import unescape
from uuid import UUID

import pytest
from django.utils import timezone

from admin_ui import spending, timerange
from proxy.ledger.usage_queries import Filter
from tenants import actions
from tests.proxy.ledger.calls import store

URL = "/t/acme/usage/"
DIMENSIONS = ["key", "model", "client", "session", "agent", "upstream", "day"]


@pytest.mark.parametrize("by", DIMENSIONS)
def test_each_comparison_shows_this_tenants_spending(client, acme, globex, bob, by):
    store(acme.pk, cost_nano_usd=1_500_000_000, session_id="s1", agent_id="a1")
    store(globex.pk, cost_nano_usd=7_000_000_000)
    store(acme.pk, state="dry_run", cost_nano_usd=0)
    client.force_login(bob)
    page = client.get(f"{URL}?by={by}").content.decode()
    assert "$1.50" in page and "$7.00" not in page and "$8.50" not in page


@pytest.mark.parametrize("path", ["usage/", "usage.csv", "usage.json", "usage/?by=day"])
def test_to_an_outsider_it_does_not_exist(client, acme, charlie, path):
    client.force_login(charlie)
    assert client.get(f"/t/acme/{path}").content == client.get(f"/t/nowhere/{path}").content
    assert client.get(f"/t/acme/{path}").status_code == 404


def test_members_read_what_is_left_and_used_as_json(client, acme, globex, bob):
    budget = {"period": "month", "usd": 20}
    actions.change_tenant(actor="x", tenant=acme, limits={"rpm": 60}, budgets=[budget])
    key = actions.issue_key(actor="x", tenant=acme, name="ci", limits={"concurrency": 3}).key
    actions.issue_key(actor="x", tenant=acme, name="unlimited")
    actions.issue_key(actor="x", tenant=globex, name="theirs", limits={"rpm": 1})
    store(acme.pk, key_id=key.pk, key_name="ci", cost_nano_usd=1_500_000_000, model_asked="m", session_id="s1")
    store(globex.pk, cost_nano_usd=7_000_000_000)
    client.force_login(bob)
    told = client.get("/t/acme/usage.json?range=24h").json()
    assert told["tenant"]["limits"][0].items() >= {"limit": "rpm", "amount": 60}.items()
    (left,) = told["tenant"]["budgets"]
    assert (left["amount"], left["period"], left["on_exceed"]) == (20, "month", "block")
    assert {"spent", "held", "left", "utilization", "resets_at"} <= left.keys()
    assert [(one["name"], one["limits"][0]["limit"]) for one in told["keys"]] == [("ci", "concurrency")]
    used = told["used"]
    assert (used["calls"], used["cost_usd"]) == (1, 1.5)
    for by, name in (("key", "ci"), ("model", "m"), ("session", "s1")):
        assert [(row["name"], row["cost_usd"]) for row in used[f"by_{by}"]] == [(name, 1.5)]
    assert sum(row["cost_usd"] for row in used["by_day"]) == 1.5
    assert client.get("/t/acme/usage.json?model=other").json()["used"]["calls"] == 0


def test_what_is_beyond_the_first_twenty_is_other_and_nothing_is_lost(acme):
    for number in range(27):
        store(acme.pk, model_asked=f"m{number}", cost_nano_usd=1000 - number, input_tokens=3)
    found = spending.by(Filter(acme.pk), "model")
    assert [group.name for group in found.groups] == [f"m{number}" for number in range(20)]
    assert found.other is not None and found.other.calls == 7 and found.other.input_tokens == 21
    assert found.total.calls == 27 and found.total.cost_nano_usd == sum(1000 - number for number in range(27))


def test_a_renamed_key_is_one_key(acme):
    for name in ("old name", "new name"):
        store(acme.pk, key_name=name, key_id=UUID(int=5))
    assert [group.sums.calls for group in spending.by(Filter(acme.pk), "key").groups] == [2]


@pytest.mark.parametrize("dimension", ["key", "model", "upstream", "session"])
@pytest.mark.parametrize("hours", [1, 30, 24 * 20])
def test_the_chart_adds_up_to_the_table(acme, dimension, hours):
    now = timezone.now()
    for number in range(9):
        store(
            acme.pk,
            started_at=now - timedelta(hours=hours) * number / 10,
            model_asked=f"m{number % 5}",
            key_id=UUID(int=1 + number % 5),
            session_id=f"s{number % 2}" if number % 3 else "",
            upstream_id=None if number % 4 == 0 else UUID(int=9),
            cost_nano_usd=10**number,
        )
    span = timerange.TimeRange(now - timedelta(hours=hours), now + timedelta(seconds=1), "", "")
    found = spending.by(Filter(acme.pk), dimension)
    ids = [group.id for group in found.groups[:3]]
    drawn = spending.over_time(Filter(acme.pk), dimension, ids, span=span, measure="cost")
    assert sum(map(sum, drawn.values)) == found.total.cost_nano_usd
    assert [sum(values) for values in drawn.values[: len(ids)]] == [g.sums.cost_nano_usd for g in found.groups[:3]]


def test_days_are_the_viewers(client, acme, alice):
    client.cookies["zone"] = "Pacific/Auckland"
    client.force_login(alice)
    store(acme.pk, started_at=timezone.now().replace(hour=23, minute=30) - timedelta(days=2))
    page = client.get(f"{URL}?by=day").content.decode()
    rows = [row for row in re.findall(r"<tr>.*?</tr>", page, re.S) if "<td>" in row and ">1</span>" in row]
    day = (timezone.now() - timedelta(days=1)).strftime("%-d %b %Y")
    assert any(day in row for row in rows)


@pytest.mark.parametrize(("zone", "is_told"), [("Asia/Kolkata", True), ("Europe/Rome", False)])
def test_a_zone_that_is_off_the_hour_is_told_what_its_days_are_made_of(client, acme, alice, zone, is_told):
    store(acme.pk)
    client.cookies["zone"] = zone
    client.force_login(alice)
    assert ("part of an hour after midnight" in client.get(f"{URL}?by=day").content.decode()) is is_told
    assert "part of an hour" not in client.get(f"{URL}?by=key").content.decode()


@pytest.mark.parametrize("by", ["key", "model", "session", "agent", "upstream", "day"])
def test_a_row_leads_to_its_requests(client, acme, alice, by):
    record = store(acme.pk, session_id="s 1&x", agent_id="a1")
    client.force_login(alice)
    page = client.get(f"{URL}?by={by}").content.decode()
    link = re.search(r'<tbody>\s*<tr><td><a href="([^"]+)"', page)
    links = re.findall(r'<td><a href="([^"]+)"', page)
    assert link or links
    shown = [client.get(unescape(url)).content.decode() for url in links]
    assert any(record.pk in one for one in shown)


@pytest.mark.parametrize("query", ["by=nope", "measure=nope", "by=tenant", "range=nope", "model=x*", "from=a&to=b"])
def test_a_wrong_address_breaks_nothing(client, acme, alice, query):
    store(acme.pk)
    client.force_login(alice)
    assert client.get(f"{URL}?{query}").status_code == 200


def test_it_takes_a_few_queries_whatever_it_shows(client, acme, alice, django_assert_max_num_queries):
    for number in range(40):
        store(acme.pk, model_asked=f"m{number}")
    client.force_login(alice)
    with django_assert_max_num_queries(17):
        client.get(f"{URL}?by=model")


def test_nothing_used_says_so(client, acme, alice):
    client.force_login(alice)
    assert "Nothing was used" in client.get(URL).content.decode()
