import itertools

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from proxy.formats.document import Malformed
from proxy.formats.sse import Event, EventTooLarge, Reader
from tests.proxy.formats import strategies

DELTA = (
    b"event: content_block_delta\n"
    b'data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hi"}   }\n\n'
)


def read(*chunks: bytes) -> tuple[list[Event], bytes]:
    """The events and the rest of a stream that came in these chunks."""
    reader = Reader()
    return [event for chunk in chunks for event in reader.feed(chunk)], reader.rest


def fields(events: list[Event]) -> list[tuple[str, bytes]]:
    """What a client would see."""
    return [(event.name, event.data) for event in events if event.name or event.data]


def test_an_event_keeps_its_bytes_and_says_its_name_and_data():
    [event], rest = read(DELTA)
    assert (event.raw, event.name, rest) == (DELTA, "content_block_delta", b"")
    assert event.data == DELTA.split(b"data: ")[1][:-2]
    assert event.json()["delta"] == {"type": "text_delta", "text": "Hi"}


@pytest.mark.parametrize(
    ("stream", "expected"),
    [
        (b"event: a\ndata: 1\n\nevent: b\ndata: 2\n\n", [("a", b"1"), ("b", b"2")]),
        (b"event: a\r\ndata: 1\r\n\r\nevent: b\r\ndata: 2\r\n\r\n", [("a", b"1"), ("b", b"2")]),
        (b"event: a\rdata: 1\r\revent: b\rdata: 2\r\r", [("a", b"1"), ("b", b"2")]),
        (b"event: a\r\ndata: 1\n\r\nevent: b\rdata: 2\n\r", [("a", b"1"), ("b", b"2")]),
        (b"\xef\xbb\xbfevent: a\ndata: 1\n\n", [("a", b"1")]),
        (b"data: 1\n\n\xef\xbb\xbfdata: 2\n\ndata: 3\n\n", [("", b"1"), ("", b"3")]),
        (b"data: 1\ndata: 2\n\n", [("", b"1\n2")]),
        (b"data\ndata:\ndata: x\n\n", [("", b"\n\nx")]),
        (b"data:1\n\ndata:  2\n\n", [("", b"1"), ("", b" 2")]),
        (b"event:a\ndata: 1\n\n", [("a", b"1")]),
        (b"event: ping\ndata: 1\nevent: content_block_delta\n\n", [("content_block_delta", b"1")]),
        (b"data: 1\nevent: a\n\n", [("a", b"1")]),
        (b"event: a\ndata: 1\nevent\n\n", [("", b"1")]),
        (b"id: 7\nretry: 1\nodd: x\nevent: a\n: note\ndata: 1\n\n", [("a", b"1")]),
        (b": ping\n\ndata: 1\n\n", [("", b"1")]),
        (b"\n\n\ndata: 1\n\n\n\n", [("", b"1")]),
        (b"event: a\n\n", [("a", b"")]),
        (b"event: a\ndata: 1\x0b2\x0c3\xc2\x85\n\n", [("a", b"1\x0b2\x0c3\xc2\x85")]),
        (b"event: \xff\ndata: \xff\n\n", [("\ufffd", b"\xff")]),
        (b"eventual: a\ndata: 1\ndatum: 2\n\n", [("", b"1")]),
        (b"event: a\rdata: 0\ndata: 1\n\n", [("a", b"0\n1")]),
        (b"event: a\ndata: 1\rdata: 2\revent: b\n\n", [("b", b"1\n2")]),
        (b"event: a\ndata: 1\r\ndata: 2\n\n", [("a", b"1\n2")]),
        (b"event: a\ndata: 1\n", []),
    ],
)
def test_fields_are_read_as_the_standard_says_however_the_stream_is_cut(stream, expected):
    for size in range(1, len(stream) + 1):
        events, rest = read(*(stream[at : at + size] for at in range(0, len(stream), size)))
        assert fields(events) == expected
        assert b"".join(event.raw for event in events) + rest == stream


def test_without_carriage_returns_the_pieces_are_the_same_however_the_stream_is_cut():
    stream = b"\xef\xbb\xbf: hello\n\n" + DELTA * 2 + b"\n\n\ndata: 1\ndata: 2\n\n"
    whole = [event.raw for event in read(stream)[0]]
    for size in range(1, len(stream)):
        assert [
            event.raw for event in read(*(stream[at : at + size] for at in range(0, len(stream), size)))[0]
        ] == whole


_lines = st.sampled_from(
    [
        b"event: a",
        b"event: ping",
        b"data: {}",
        b'data: {"x":"\xc3\xa9\xf0\x9f\x98\x80"}',
        b"data",
        b": c",
        b"",
        b"",
        b"id: 1",
    ]
)
_ends = st.sampled_from([b"\n", b"\n", b"\r\n", b"\r"])
_streams = st.tuples(
    st.sampled_from([b"", b"", b"\xef\xbb\xbf", b"\xef\xbb"]),
    st.lists(st.tuples(_lines, _ends).map(b"".join), max_size=15),
).map(lambda parts: parts[0] + b"".join(parts[1]))


@strategies.unhurried
@given(st.data(), _streams | st.binary(max_size=60) | st.text(alphabet="\r\n:ad ", max_size=30).map(str.encode))
def test_any_cut_gives_the_same_events_and_loses_no_byte(data, stream):
    whole, whole_rest = read(stream)
    events, rest = read(*data.draw(strategies.cuts(stream)))
    assert fields(events) == fields(whole)
    assert rest == whole_rest
    assert b"".join(event.raw for event in events) + rest == stream


@strategies.unhurried
@given(st.binary(max_size=80))
@example(b"\r\r\n\n\r")
def test_a_stream_byte_by_byte_is_the_same_stream(stream):
    whole, whole_rest = read(stream)
    events, rest = read(*(stream[at : at + 1] for at in range(len(stream))))
    assert (fields(events), rest) == (fields(whole), whole_rest)
    assert b"".join(event.raw for event in events) + rest == stream


@pytest.mark.parametrize("length", range(1, 6))
def test_every_short_mixture_of_line_ends_is_the_same_stream_byte_by_byte(length):
    for tail in itertools.product(b"\r\nd:", repeat=length):
        stream = b"data:1" + bytes(tail)
        whole, whole_rest = read(stream)
        events, rest = read(*(stream[at : at + 1] for at in range(len(stream))))
        assert (fields(events), rest) == (fields(whole), whole_rest)


@pytest.mark.parametrize("end", [b"\n\n", b"\r\n\r", b"\r\r", b"\n\r"])
def test_an_event_is_given_as_soon_as_its_blank_line_begins_to_end(end):
    [event], rest = read(b"event: a\ndata: 1", end)
    assert (event.name, event.data, rest) == ("a", b"1", b"")


def test_the_line_feed_of_a_split_line_end_follows_as_a_piece_without_content():
    events, _ = read(b"data: 1\r\n\r", b"\ndata: 2\r\n\r\n")
    assert [event.raw for event in events] == [b"data: 1\r\n\r", b"\n", b"data: 2\r\n\r\n"]
    events, rest = read(b"data: 1\r\n\r", b"\n")
    assert ([event.raw for event in events], rest) == ([b"data: 1\r\n\r", b"\n"], b"")


def test_a_comment_is_passed_on_as_bytes_only():
    [event], _ = read(b": keep-alive\n\n")
    assert (event.raw, event.name, event.data) == (b": keep-alive\n\n", "", b"")


def test_an_event_over_the_limit_is_an_error_complete_or_not():
    for chunks in ([b"data: 12345\n\n"], [b"data: 12", b"34567"], [b"data: ", b"12345", b"\n\n"], [b"x" * 13]):
        reader = Reader(max_event_bytes=12)
        with pytest.raises(EventTooLarge, match="12 bytes"):
            for chunk in chunks:
                reader.feed(chunk)
    assert len(Reader(max_event_bytes=12).feed(b"data: 1234\n\n" * 100)) == 100


def test_a_large_event_in_small_chunks_is_read_in_one_pass():
    raw = b"event: a\ndata: " + b"x" * 4_000_000 + b"\n\n"
    [event], _ = read(*(raw[at : at + 1000] for at in range(0, len(raw), 1000)))
    assert event.raw == raw


def test_data_that_is_no_json_object_is_malformed_when_it_is_asked_for():
    for data in (b"", b"[DONE]", b"[1]", b'{"a":1,"a":2}', b'{"a":"\xff"}'):
        [event], _ = read(b"event: a\ndata: " + data + b"\n\n")
        with pytest.raises(Malformed):
            event.json()


def test_data_is_parsed_once():
    [event], _ = read(DELTA)
    assert event.json() is event.json()


def test_a_built_event_reads_back():
    event = Event.build("ping", {"type": "ping", "text": "é\n"})
    assert event.raw == 'event: ping\ndata: {"type":"ping","text":"é\\n"}\n\n'.encode()
    [again], _ = read(event.raw)
    assert (again.name, again.data, again.json()) == (event.name, event.data, event.json())


@pytest.mark.parametrize(
    "raw",
    [
        b'event: a\ndata: {"n":1.0,"text":"old", "o":{"p":"q"}  }\n\n',
        b'event: a\ndata: {"n":1,"text":"old"}\n\n',
        b'id: 1\r\ndata:{"text" :"old"}\r\n: note data: {"text":"old"}\r\nevent:a\r\nretry: 5\r\n\r\n',
        b'data: {\ndata: "text":\ndata\n: between\ndata:  "old"\rdata: }\r\n\r\n',
    ],
)
def test_an_edit_changes_the_leaf_and_no_other_byte(raw):
    [event], _ = read(raw)
    edited = event.edit({("text",): 'new\n"é"'})
    at = raw.rindex(b'"old"') if b": note" not in raw else raw.index(b'"old"')
    assert edited.raw == raw[:at] + '"new\\n\\"é\\""'.encode() + raw[at + 5 :]
    [again], _ = read(edited.raw)
    assert (again.name, again.data, again.json()) == (edited.name, edited.data, edited.json())
    assert event.raw == raw


def test_an_edit_that_changes_nothing_gives_the_same_event():
    [event], _ = read(DELTA)
    assert event.edit({("delta", "text"): "Hi"}) is event


@strategies.unhurried
@given(st.data(), strategies.documents, st.sampled_from(["\n", "\r\n", "\r"]))
def test_any_leaf_of_any_event_can_be_edited(data, text, end):
    lines = [f"data: {line}" for line in text.replace("\r\n", "\n").split("\n")]
    raw = (end.join(["event: a", *lines]) + end * 2).encode()
    [event], _ = read(raw)
    leaves = strategies.string_leaves(event.json())
    changes = (
        dict.fromkeys(data.draw(st.lists(st.sampled_from(leaves), unique=True)), "new \r\n text") if leaves else {}
    )
    edited = event.edit(changes)
    [again], _ = read(edited.raw)
    assert again.name == "a"
    assert again.json() == edited.json()
    assert again.data == edited.data
    back = edited.edit({path: _at(event.json(), path) for path in changes})
    assert back.json() == event.json()
    assert len(back.raw.splitlines()) == len(raw.splitlines())


def _at(value, path):
    for step in path:
        value = value[step]
    return value


def test_it_shows_no_content_when_printed():
    assert repr(Event.build("a", {"secret": "x"})) == "Event('a', 31 bytes)"
