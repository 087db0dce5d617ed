"""The operator's pages on prices and usage."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest
from django.contrib.auth.models import User

from proxy import admin
from proxy.ledger import prices
from proxy.models import Price, UsageRecord
from tenants import audit
from tenants.models import AuditEntry

PRICES, RECORDS = "/admin/proxy/price/", "/admin/proxy/usagerecord/"
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.fixture
def admin_user(db):
    """The operator `admin_client` logs in. Without a password, which would take half a second to hash."""
    return User.objects.create_superuser("admin")


def price_form(**values):
    given = {
        "model_glob": "claude-next",
        "effective_from_0": "2026-12-01",
        "effective_from_1": "00:00:00",
        "above_input_tokens": 0,
        "input_usd": "1.5",
        "output_usd": "7",
        "cache_write_5m_usd": "2",
        "cache_write_1h_usd": "3",
        "cache_read_usd": "0.15",
        "source": "a contract",
    }
    return {**given, **values}


def record(id="req_1", **values):
    given = {
        "process": "p",
        "state": "completed",
        "endpoint": "messages",
        "started_at": NOW,
        "tenant_id": uuid4(),
        "tenant_slug": "acme",
        "key_id": uuid4(),
        "key_name": "ci",
        "model_served": "claude-opus-5",
    }
    return UsageRecord.objects.create(id=id, **{**given, **values})


def ids(answer):
    return [row.id for row in answer.context["cl"].result_list]


def test_a_new_price_counts_for_every_process(admin_client):
    before = audit.latest_revision()
    answer = admin_client.post(f"{PRICES}add/", price_form())
    assert answer.status_code == 302, answer.context["errors"]
    quote = prices.load().price_of("claude-next", 0, datetime(2026, 12, 2, tzinfo=UTC))
    assert quote.input_nano == 1_500_000_000 and not quote.is_default
    assert audit.since(before) == [(before + 1, None)]
    entry = AuditEntry.objects.get(revision=before + 1)
    assert (entry.actor, entry.action) == ("user:admin", "price.add")


def test_a_changed_price_is_audited_with_what_it_was(admin_client):
    row = Price.objects.get(model_glob="claude-opus-5")
    before = audit.latest_revision()
    form = price_form(
        model_glob="claude-opus-5",
        effective_from_0="2020-01-01",
        input_usd="6",
        output_usd="25",
        cache_write_5m_usd="6.25",
        cache_write_1h_usd="10",
        cache_read_usd="0.5",
        source=row.source,
    )
    assert admin_client.post(f"{PRICES}{row.pk}/change/", form).status_code == 302
    assert AuditEntry.objects.get(revision=before + 1).changes == {"input_usd": ["5.000000", "6"]}
    assert admin_client.post(f"{PRICES}{row.pk}/change/", form).status_code == 302
    assert audit.latest_revision() == before + 1, "nothing was changed"


def test_deleted_prices_are_audited_one_by_one(admin_client):
    before = audit.latest_revision()
    chosen = list(Price.objects.filter(model_glob__startswith="claude-3-5").values_list("pk", flat=True))
    form = {"action": "delete_selected", "_selected_action": chosen, "post": "yes"}
    assert admin_client.post(PRICES, form).status_code == 302
    assert AuditEntry.objects.filter(revision__gt=before, action="price.delete").count() == len(chosen) == 2
    assert not Price.objects.filter(pk__in=chosen).exists()


@pytest.mark.parametrize(
    ("field", "value"), [("model_glob", "claude opus"), ("input_usd", "-1"), ("input_usd", "0.0000001")]
)
def test_a_price_that_makes_no_sense_is_refused(admin_client, field, value):
    answer = admin_client.post(f"{PRICES}add/", price_form(**{field: value}))
    assert field in answer.context["adminform"].form.errors


def test_the_list_of_records_asks_the_database_as_often_for_many_as_for_one(
    admin_client, django_assert_max_num_queries
):
    for number in range(30):
        record(f"req_{number}", tenant_id=uuid4(), key_id=uuid4())
    with django_assert_max_num_queries(12):
        assert len(ids(admin_client.get(RECORDS))) == 30


def test_a_record_is_found_by_its_id_and_by_filters(admin_client, acme):
    record("req_1")
    record("req_2", tenant_id=acme.pk, state="failed", model_served="claude-haiku-5-5")
    assert ids(admin_client.get(RECORDS, {"q": "req_1"})) == ["req_1"]
    assert ids(admin_client.get(RECORDS, {"q": "req_"})) == []
    assert ids(admin_client.get(RECORDS, {"tenant": str(acme.pk)})) == ["req_2"]
    assert ids(admin_client.get(RECORDS, {"tenant": "no-uuid"})) == ["req_2", "req_1"]
    assert ids(admin_client.get(RECORDS, {"state__exact": "failed"})) == ["req_2"]
    assert ids(admin_client.get(RECORDS, {"model": "claude-haiku-5-5"})) == ["req_2"]


def test_a_record_shows_its_cost_and_what_each_step_decided(admin_client):
    trace = [{"step": "routing", "us": 1500, "upstream": "<b>main</b>"}, {}]
    record(cost_nano_usd=12_345_600, total_us=2_000_000, trace=trace)
    page = admin_client.get(f"{RECORDS}req_1/change/").content.decode()
    assert "$0.0123456" in page and "2,000.0 ms" in page
    assert "<td>routing</td><td>1.5 ms</td><td>upstream: &lt;b&gt;main&lt;/b&gt;</td>" in page


def test_a_record_cannot_be_altered(admin_client):
    record()
    assert admin_client.get(f"{RECORDS}add/").status_code == 403
    assert admin_client.post(f"{RECORDS}req_1/change/", {"state": "failed"}).status_code == 403
    assert admin_client.post(f"{RECORDS}req_1/delete/", {"post": "yes"}).status_code == 403
    assert UsageRecord.objects.get().state == "completed"


@pytest.mark.parametrize(
    ("nano", "shown"), [(0, "$0.00"), (1, "$0.000000001"), (10**9, "$1.00"), (1_234_500_000_000, "$1,234.50")]
)
def test_money_is_shown_to_the_last_digit(nano, shown):
    assert admin.dollars(nano) == shown
