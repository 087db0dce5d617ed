"""A stream that is ended early ends as clients know it, wherever it is."""

import json

import pytest

from proxy.formats.endings import Progress
from proxy.formats.sse import Event

START = Event.build("message_start", {"type": "message_start", "message": {}})
BLOCK = Event.build("content_block_start", {"type": "content_block_start", "index": 1, "content_block": {}})
STOP = Event.build("content_block_stop", {"type": "content_block_stop", "index": 1})


def closing(*seen: Event) -> list[tuple[str, dict[str, object]]]:
    progress = Progress()
    for event in seen:
        progress.note(event)
    ended = progress.closing(stop_reason="max_tokens", usage={"output_tokens": 7})
    return [(event.name, json.loads(event.data)) for event in ended]


def test_an_open_block_is_closed_first() -> None:
    names = [name for name, _data in closing(START, BLOCK)]
    assert names == ["content_block_stop", "message_delta", "message_stop"]
    assert closing(START, BLOCK)[0][1] == {"type": "content_block_stop", "index": 1}


@pytest.mark.parametrize("seen", [[START], [START, BLOCK, STOP]])
def test_without_an_open_block_only_the_message_ends(seen: list[Event]) -> None:
    [(first, delta), (last, _)] = closing(*seen)
    assert (first, last) == ("message_delta", "message_stop")
    assert delta["delta"] == {"stop_reason": "max_tokens", "stop_sequence": None}
    assert delta["usage"] == {"output_tokens": 7}


def test_a_stream_says_how_far_it_is() -> None:
    progress = Progress()
    assert not progress.has_begun
    progress.note(START)
    assert progress.has_begun and not progress.is_ending
    progress.note(Event.build("message_delta", {"type": "message_delta"}))
    assert progress.is_ending


def test_an_index_that_is_none_is_left_alone() -> None:
    assert [name for name, _ in closing(START, Event(b"", "content_block_start", b"[1]"))] == [
        "message_delta",
        "message_stop",
    ]
