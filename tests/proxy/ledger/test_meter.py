"""The meter reads usage and endings off any answer, and gives every event back as it came."""

import pytest

from proxy.formats.document import Document
from proxy.formats.sse import Event
from proxy.formats.usage import Usage
from proxy.ledger import meter as metering
from proxy.ledger.meter import Meter

START = Event.build(
    "message_start",
    {"type": "message_start", "message": {"type": "message", "usage": {"input_tokens": 10, "output_tokens": 1}}},
)
END = Event.build(
    "message_delta",
    {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 7}},
)
STOP = Event.build("message_stop", {"type": "message_stop"})


def delta(text: str) -> Event:
    payload = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}}
    return Event.build("content_block_delta", payload)


def meter_of(*events: Event) -> Meter:
    meter = Meter(lambda _usage: None)
    for event in events:
        assert meter.feed(event) == (event,)
    return meter


def test_a_complete_stream_has_the_upstreams_own_numbers() -> None:
    meter = meter_of(START, delta("hello"), END, STOP)
    assert meter.final_usage() == Usage(input_tokens=10, output_tokens=7)
    assert (meter.stop_reason, meter.is_complete) == ("end_turn", True)


def test_a_broken_stream_is_estimated_by_what_was_delivered() -> None:
    meter = meter_of(START, *[delta("x" * 70)] * 10)
    assert not meter.is_complete
    assert 150 <= meter.final_usage().output_tokens <= 250


def test_an_error_event_names_the_failure() -> None:
    meter = meter_of(START, Event.build("error", {"error": {"type": "overloaded_error", "message": "Overloaded"}}))
    assert (meter.error_type, meter.error_message) == ("overloaded_error", "Overloaded")


@pytest.mark.parametrize("data", [b"{", b"null", b'{"message": 3}', b'{"message": {"usage": {"input_tokens": "x"}}}'])
def test_garbage_where_numbers_should_be_is_passed_on_and_counts_nothing(data: bytes) -> None:
    event = Event(b"event: message_start\ndata: " + data + b"\n\n", "message_start", data)
    assert meter_of(event).usage == Usage()


def test_progress_is_told_at_the_start_and_then_once_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr(metering.time, "monotonic", lambda: clock[0])
    told: list[Usage] = []
    meter = Meter(told.append)
    for event in (START, *[delta("x" * 70)] * 5):
        meter.feed(event)
        clock[0] += 0.3
    assert [usage.input_tokens for usage in told] == [10, 10]


def test_a_whole_answer_is_read_at_once() -> None:
    meter = Meter(lambda _usage: None)
    body = Document.parse(b'{"type":"message","stop_reason":"max_tokens","usage":{"input_tokens":3,"output_tokens":4}}')
    assert meter.document(body) is body
    assert meter.final_usage() == Usage(input_tokens=3, output_tokens=4)
    assert (meter.stop_reason, meter.is_complete) == ("max_tokens", True)


def test_a_token_count_is_nobodys_usage() -> None:
    meter = Meter(lambda _usage: None)
    meter.document(Document.parse(b'{"input_tokens": 12}'))
    assert meter.final_usage() == Usage()


@pytest.mark.parametrize("raw", [b"<html>", b"[]", b'{"error": "no"}'])
def test_an_error_body_that_cannot_be_read_is_an_api_error(raw: bytes) -> None:
    meter = Meter(lambda _usage: None)
    meter.failure(raw)
    assert meter.error_type == "api_error"


def test_rounds_add_up_and_the_last_one_says_how_it_ended() -> None:
    told: list[Usage] = []
    meter = Meter(told.append)
    for event in (START, delta("hello"), END, STOP):
        meter.feed(event)
    meter.go_on()
    assert (meter.has_ended, meter.is_told, meter.stop_reason) == (False, False, "")
    assert meter.final_usage() == meter.usage == told[-1] == Usage(10, 7, longest_prompt=10)
    meter.feed(START)
    meter.feed(delta("x" * 350))
    assert meter.usage == Usage(20, 8, longest_prompt=10)
    assert 7 + 80 < meter.final_usage().output_tokens < 7 + 110  # what was delivered of this round, estimated
    for event in (END, STOP):
        meter.feed(event)
    assert (meter.final_usage(), meter.rounds, meter.stop_reason) == (Usage(20, 14, longest_prompt=10), 2, "end_turn")


def test_a_round_that_is_cut_says_what_it_used_itself() -> None:
    meter = meter_of(START, END, STOP)
    meter.go_on()
    meter.feed(START)
    assert meter.cut("max_tokens") == Usage(10, 1)
    assert meter.usage == Usage(20, 8, longest_prompt=10)
