"""A call's entry becomes exactly one record, which holds what it should and nothing that a column would refuse."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from proxy.call import Trace
from proxy.errors import Unavailable
from proxy.formats.usage import Usage
from proxy.ledger.consumer import Consumer
from proxy.ledger.journal import segments
from proxy.ledger.prices import PriceBook, Quote, Rate
from proxy.ledger.record import Ending, Entry, State
from proxy.models import UsageRecord
from tests.proxy import build
from tests.proxy.ledger import calls

pytestmark = pytest.mark.django_db

OPUS = Quote(42, False, 5_000_000_000, 25_000_000_000, 6_250_000_000, 10_000_000_000, 500_000_000)
BOOK = PriceBook([Rate("claude-opus-5", datetime(2026, 1, 1, tzinfo=UTC), 0, OPUS)])


def stored(journal) -> UsageRecord:
    Consumer(journal.directory, journal.name).drain()
    return UsageRecord.objects.get()


def test_a_record_tells_who_asked_what_and_how_it_ended(journal):
    caller = build.caller(slug="acme")
    headers = [
        (b"user-agent", b"claude-cli/2.1"),
        (b"x-claude-code-session-id", b"s-1"),
        (b"x-claude-code-agent-id", b"a-1"),
        (b"x-claude-code-parent-agent-id", b"p-1"),
    ]
    asked = calls.inbound("req_1", headers=headers)
    entry = Entry(journal, BOOK, asked, caller)
    call = build.call({**build.HELLO, "stream": True}, by=caller, asked=asked)
    entry.ask(call)
    entry.open(replace(calls.asked(journal, "other", by=caller)[1], call=call))
    entry.first_byte()
    entry.settle(
        Ending(
            state=State.FAILED,
            status=200,
            usage=Usage(1000, 100, 10, 20, 30, 5),
            is_usage_estimated=True,
            stop_reason="max_tokens",
            error_type="overloaded_error",
            error_message="Overloaded",
            upstream_request_id="req_up",
            response_bytes=77,
            queue_us=5,
            overhead_us=900,
        ),
        Trace([("routing", 12, {"upstream": "main"})]),
    )
    row = stored(journal)
    assert (row.id, row.state, row.endpoint, row.is_streaming, row.status) == ("req_1", "failed", "messages", True, 200)
    assert (row.tenant_id, row.tenant_slug) == (caller.tenant.id, "acme")
    assert (row.key_id, row.key_name) == (caller.key_id, "ci")
    assert (row.model_asked, row.model_served) == ("claude-sonnet-5-5", "claude-opus-5")
    assert (row.upstream_id, row.upstream_name) == (caller.tenant.upstreams[0].id, "main")
    assert (row.input_tokens, row.output_tokens, row.thinking_tokens) == (1000, 100, 5)
    assert (row.cache_write_5m_tokens, row.cache_write_1h_tokens, row.cache_read_tokens) == (10, 20, 30)
    assert row.cost_nano_usd == 5_000_000 + 2_500_000 + 62_500 + 200_000 + 15_000
    assert (row.price_id, row.is_price_default, row.is_usage_estimated) == (42, False, True)
    assert (row.stop_reason, row.error_type, row.error_message) == ("max_tokens", "overloaded_error", "Overloaded")
    assert (row.upstream_request_id, row.response_bytes, row.queue_us, row.overhead_us) == ("req_up", 77, 5, 900)
    assert row.request_bytes == len(call.document.raw)
    assert (row.client_ip, row.user_agent) == ("192.0.2.1", "claude-cli/2.1")
    assert (row.session_id, row.agent_id, row.parent_agent_id) == ("s-1", "a-1", "p-1")
    assert row.trace == [{"step": "routing", "us": 12, "upstream": "main"}]
    assert row.first_byte_us <= row.total_us
    assert row.ended_at - row.started_at == timedelta(microseconds=row.total_us)
    assert abs(row.started_at - datetime.now(UTC)) < timedelta(seconds=30)


def test_a_call_is_settled_once(journal):
    entry = calls.opened(journal, "a")
    assert entry.settle(calls.DONE, Trace())
    assert not entry.settle(Ending(state=State.CANCELLED, status=499), Trace())
    entry.progress(Usage(output_tokens=10**6))
    assert entry.is_settled
    row = stored(journal)
    assert (row.state, row.output_tokens) == ("completed", 20)


def test_a_call_refused_before_it_was_opened_has_its_record(journal):
    entry = Entry(journal, BOOK, calls.inbound("a"), build.caller())
    entry.settle(Ending(state=State.REFUSED, status=400, error_type="invalid_request_error"), Trace())
    row = stored(journal)
    assert (row.state, row.model_asked, row.upstream_id, row.cost_nano_usd) == ("refused", "", None, 0)
    assert row.endpoint == "messages" and row.price_id is None and not row.is_price_default


def test_what_cannot_be_journalled_is_not_sent_and_still_recorded(journal, tmp_path):
    journal.leave()
    entry, outbound = calls.asked(journal, "a")
    with pytest.raises(Unavailable):
        entry.open(outbound)
    entry.progress(calls.USAGE)  # says nothing: there is nobody to hear it


def test_the_price_is_that_of_the_model_served_and_of_the_whole_prompt(journal):
    rates = [
        Rate("served", datetime(2026, 1, 1, tzinfo=UTC), above, replace(OPUS, id=id))
        for id, above in ((1, 0), (2, 100))
    ]
    entry, outbound = calls.asked(journal, "a", book=PriceBook(rates))
    entry.open(replace(outbound, model="served"))
    assert entry.price_of(Usage(input_tokens=50, cache_read_tokens=50)).id == 1
    assert entry.price_of(Usage(input_tokens=50, cache_read_tokens=51)).id == 2


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("2001:db8::1", "2001:db8::1"),
        ("fe80::1%eth0", "fe80::1"),
        ("", None),
        ("/run/socket", None),
        ("1.2.3.4, 5.6.7.8", None),
        ("999.1.1.1", None),
    ],
)
def test_only_an_address_is_kept_as_one(journal, given, kept):
    Entry(journal, BOOK, calls.inbound("a", client_ip=given), build.caller()).settle(calls.DONE, Trace())
    assert stored(journal).client_ip == kept


def test_a_trace_that_grew_too_long_says_so(journal):
    calls.opened(journal, "a").settle(calls.DONE, Trace([("x", 1, {"long": "y" * 40_000})]))
    [step] = stored(journal).trace
    assert step["step"] == "trace" and step["omitted_bytes"] > 40_000


hostile = st.text(alphabet=st.characters(), max_size=600)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=hostile, raw=st.binary(max_size=400), facts=st.dictionaries(hostile, hostile, max_size=3))
def test_no_text_of_a_client_or_an_upstream_keeps_a_record_from_being_written(journal, text, raw, facts):
    UsageRecord.objects.all().delete()
    asked = calls.inbound("a", headers=[(b"user-agent", raw), (b"x-claude-code-session-id", raw)])
    entry = Entry(journal, BOOK, asked, build.caller())
    entry.settle(
        Ending(state=State.FAILED, status=502, error_type=text, error_message=text, stop_reason=text),
        Trace([("x", 1, facts)]),
    )
    row = stored(journal)
    assert row.state == "failed"
    assert len(row.user_agent) <= 300 and len(row.error_message) <= 500 and len(row.error_type) <= 64
    for kept in (row.user_agent, row.session_id, row.error_message, row.stop_reason):
        assert not any(ord(character) < 32 or 127 <= ord(character) < 160 for character in kept)
    row.full_clean(exclude=[field.name for field in row._meta.fields if field.blank or field.null])


def test_the_largest_counts_fit(journal):
    most = Usage(*[10**9] * 5)
    dear = replace(OPUS, **{name: 10**15 for name in OPUS.__slots__ if name.endswith("_nano")})
    book = PriceBook([Rate("*", datetime(2026, 1, 1, tzinfo=UTC), 0, dear)])
    entry, outbound = calls.asked(journal, "a", book=book)
    entry.open(outbound)
    entry.settle(replace(calls.DONE, usage=most), Trace())
    assert stored(journal).cost_nano_usd == 5 * 10**18


def test_a_key_that_a_client_put_into_the_wrong_header_is_not_kept(journal):
    secret = "llmp_abcdEFGH0123456789abcdef0123456789ab"
    headers = [(b"user-agent", secret.encode()), (b"x-claude-code-session-id", b"Bearer " + secret.encode())]
    entry = Entry(journal, PriceBook([]), build.inbound(headers=headers), build.caller())
    entry.settle(calls.DONE, Trace())
    written = b"".join(path.read_bytes() for path in segments(journal.directory, journal.name))
    assert b"llmp_abcd" in written and secret.encode() not in written
