"""The list of requests: filtered alike in the database and live, complete page by page, apart by tenant."""

from datetime import timedelta
from uuid import UUID

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from proxy.ledger import usage_queries
from proxy.ledger.usage_queries import Cursor, Filter
from proxy.models import UsageRecord
from tests.proxy.ledger.calls import NOON, build, store

ACME, GLOBEX = UUID(int=1), UUID(int=2)

states = st.sampled_from(["completed", "failed", "refused", "cancelled"])
models = st.sampled_from(["claude-opus-5", "claude-sonnet-5-5", "Claude-opus-5", "a%b", "a_b", ""])
moments = st.integers(-5, 5).map(lambda hours: NOON + timedelta(hours=hours))


@st.composite
def made_records(draw: st.DrawFn) -> UsageRecord:
    status = draw(st.sampled_from([200, 400, 429, 529]))
    state = "completed" if status == 200 else draw(st.sampled_from(["failed", "refused"]))
    return build(
        draw(st.sampled_from([ACME, GLOBEX])),
        state=state,
        status=status,
        model_asked=draw(models),
        started_at=draw(moments),
        key_id=UUID(int=draw(st.integers(1, 2))),
        upstream_id=draw(st.sampled_from([None, UUID(int=9)])),
        upstream_request_id=draw(st.sampled_from(["", "req_up_1"])),
        session_id=draw(st.sampled_from(["", "s1", "s2"])),
        agent_id=draw(st.sampled_from(["", "a1"])),
    )


@pytest.mark.parametrize("text", ["claude-*", "a_*", "a%*", "*"])
def test_the_beginning_of_a_model_is_taken_letter_by_letter(db, text):
    rows = [store(ACME, model_asked=name) for name in ("claude-opus-5", "Claude-opus-5", "a_b", "a%b", "axb", "")]
    wanted = Filter(ACME, model=text)
    assert set(usage_queries.records(wanted)) == {row for row in rows if wanted.matches(row)}


filters = st.builds(
    Filter,
    tenant_id=st.sampled_from([None, ACME, GLOBEX]),
    key_id=st.sampled_from([None, UUID(int=1)]),
    model=models | st.sampled_from(["claude-*", "a%*", "a_*", "*"]),
    state=st.just("") | states,
    status=st.sampled_from(["", "200", "4xx", "429", "5xx"]),
    upstream_id=st.sampled_from([None, UUID(int=9)]),
    session=st.sampled_from(["", "s1"]),
    agent=st.sampled_from(["", "a1"]),
    search=st.sampled_from(["", "req_up_1", "req", "req_0000", "%", "req_0000000000000000000000"]),
    begin=st.none() | moments,
    end=st.none() | moments,
)


@pytest.mark.django_db
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(made_records(), min_size=1, max_size=8), filters)
def test_a_record_seen_live_is_judged_as_the_database_judges_it(rows, wanted):
    UsageRecord.objects.all().delete()
    UsageRecord.objects.bulk_create(rows)
    found = {row.pk for row in usage_queries.records(wanted)}
    assert found == {row.pk for row in rows if wanted.matches(row)}


@pytest.mark.django_db
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.integers(0, 3), min_size=1, max_size=23), st.integers(1, 7), st.lists(st.integers(0, 5), max_size=6))
def test_pages_hold_every_record_once_whatever_comes_in_meanwhile(ages, size, added):
    UsageRecord.objects.all().delete()
    old = [store(ACME, started_at=NOON - timedelta(seconds=age)).pk for age in ages]
    store(GLOBEX, started_at=NOON)
    seen, behind, late = [], None, list(added)
    while True:
        page = usage_queries.page(Filter(ACME), behind=behind, size=size)
        seen += [row.pk for row in page.rows]
        behind = page.older
        if behind is None:
            break
        if late:
            store(ACME, started_at=NOON + timedelta(seconds=1 + late.pop()))
    assert len(seen) == len(set(seen))
    assert sorted(pk for pk in seen if pk in set(old)) == sorted(old)


def test_a_page_does_not_read_traces(db):
    store(ACME, trace=[{"step": "auth", "us": 1}])
    with CaptureQueriesContext(
        connection,
    ) as asked:
        usage_queries.page(Filter(ACME))
    assert len(asked) == 1 and '"trace"' not in asked[0]["sql"]


def test_nobody_elses_record_is_found_by_its_id(db):
    other = store(GLOBEX, upstream_request_id="req_up")
    assert usage_queries.one(Filter(ACME), other.pk) is None
    assert not usage_queries.page(Filter(ACME, search=other.pk)).rows
    assert not usage_queries.page(Filter(ACME, search="req_up")).rows
    assert usage_queries.one(Filter(GLOBEX), other.pk) == other


def test_a_request_is_found_by_its_beginning_and_by_the_upstreams_id(db):
    record = store(ACME, upstream_request_id="req_011CUpstream")
    store(ACME)
    for search in (record.pk, record.pk[:-1], "req_011CUpstream"):
        assert record in usage_queries.page(Filter(ACME, search=search)).rows, search


@pytest.mark.parametrize("text", ["4x", "abc", "4xxx", "6xx", "٤٢٩", "-1", "1e2"])
def test_what_is_no_status_is_refused(text):
    with pytest.raises(ValueError, match="429"):
        usage_queries.status_range(text)


def test_calls_that_ended_are_told_once_and_counted_when_they_are_too_many(db):
    first = [store(ACME, ended_at=NOON + timedelta(seconds=n)).pk for n in range(3)]
    store(ACME, state="started", ended_at=None)
    look = usage_queries.settled_since(NOON - timedelta(seconds=1), frozenset(), 10)
    assert [row.pk for row in look.rows] == first and look.left_out == 0
    more = [store(ACME, ended_at=NOON + timedelta(seconds=5 + n)).pk for n in range(4)]
    look = usage_queries.settled_since(NOON - timedelta(seconds=1), look.known, 3)
    assert [row.pk for row in look.rows] == more[1:] and look.left_out == 1
    assert not usage_queries.settled_since(NOON - timedelta(seconds=1), look.known, 3).rows


def test_the_whole_of_a_filter_is_read_page_by_page(db):
    ids = [store(ACME, started_at=NOON).pk for _ in range(7)]
    pages = list(usage_queries.pages(Filter(ACME), size=3))
    assert [len(page) for page in pages] == [3, 3, 1]
    assert sorted(row.pk for page in pages for row in page) == sorted(ids)


def test_a_place_between_pages_is_exact(db):
    rows = [store(ACME, started_at=NOON) for _ in range(3)]
    last = max(row.pk for row in rows)
    found = usage_queries.page(Filter(ACME), behind=Cursor(NOON, last)).rows
    assert [row.pk for row in found] == sorted((row.pk for row in rows if row.pk != last), reverse=True)
