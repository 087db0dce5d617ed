import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.formats.document import Document
from proxy.formats.sse import Event, Reader
from proxy.stream import Chain, Filter
from tests.proxy import toy_step
from tests.proxy.formats import strategies


class Count(Filter):
    """Only looks."""

    def __init__(self):
        self.seen = []

    def feed(self, event):
        self.seen.append(event.name)
        return (event,)


class Twice(Filter):
    """Sends each event again, and one more at the end."""

    def __init__(self, name):
        self.name = name

    def feed(self, event):
        return (event, Event.build(f"{event.name}+{self.name}", {}))

    def finish(self):
        return (Event.build(f"end-{self.name}", {}),)


class Nothing(Filter):
    def feed(self, event):
        return ()


class Failing(Filter):
    def feed(self, event):
        raise RuntimeError("feed")

    def finish(self):
        raise RuntimeError("finish")

    def document(self, body):
        raise RuntimeError("document")


def names(events):
    return [event.name for event in events]


def test_an_empty_chain_passes_the_very_same_things():
    event, body = Event.build("ping", {}), Document.parse(b"{}")
    chain = Chain()
    assert [out is event for out in chain.feed(event)] == [True]
    assert list(chain.finish()) == []
    assert chain.document(body) is body


def test_a_filter_that_leaves_methods_out_passes_things_on():
    event, body = Event.build("ping", {}), Document.parse(b"{}")
    count = Count()
    chain = Chain([count])
    assert list(chain.feed(event)) == [event]
    assert list(chain.finish()) == []
    assert chain.document(body) is body
    assert count.seen == ["ping"]
    assert list(Nothing().finish()) == []


def test_events_pass_the_filters_in_order():
    first, last = Count(), Count()
    chain = Chain([first, Twice("a"), Twice("b"), last])
    assert names(chain.feed(Event.build("x", {}))) == ["x", "x+b", "x+a", "x+a+b"]
    assert first.seen == ["x"]
    assert last.seen == ["x", "x+b", "x+a", "x+a+b"]


def test_what_a_filter_gives_at_the_end_passes_the_filters_behind_it():
    chain = Chain([Twice("a"), Twice("b"), Count()])
    assert names(chain.finish()) == ["end-a", "end-a+b", "end-b"]


def test_a_filter_behind_one_that_drops_everything_sees_nothing():
    count = Count()
    assert list(Chain([Nothing(), count]).feed(Event.build("x", {}))) == []
    assert count.seen == []


def test_a_chain_is_a_filter_itself():
    chain = Chain([Chain([Twice("a")]), Chain(), Chain([Twice("b")])])
    assert names(chain.feed(Event.build("x", {}))) == ["x", "x+b", "x+a", "x+a+b"]
    assert names(chain.finish()) == ["end-a", "end-a+b", "end-b"]


@pytest.mark.parametrize(
    "act",
    [
        lambda chain: chain.feed(Event.build("x", {})),
        lambda chain: chain.finish(),
        lambda chain: chain.document(Document.parse(b"{}")),
    ],
)
def test_an_error_in_a_filter_ends_the_answer(act):
    with pytest.raises(RuntimeError):
        act(Chain([Count(), Failing(), Count()]))


HEAD = (
    b": hello\n\n"
    b'event: message_start\ndata: {"type":"message_start","message":{"usage":{"input_tokens":1.0}}}\n\n'
    b'event: content_block_start\ndata: {"type":"content_block_start","index":0,"content_block":{"type":"text"}}\n\n'
    b'event: ping\ndata: {"type": "ping"}\n\n'
)
TAIL = (
    b'event: content_block_stop\ndata: {"type":"content_block_stop","index":0}\n\n'
    b'event: content_block_delta\ndata: {"type":"content_block_delta","index":1,'
    b'"delta":{"type":"thinking_delta","thinking":"of a [bird]"}}\n\n'
    b'event: tomorrow\ndata: "[bird]"\n\n'
    b'event: message_stop\ndata: {"type":"message_stop"}\n\n'
)


def delta(text: str) -> bytes:
    data = json.dumps({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}})
    return b"event: content_block_delta\ndata: " + data.encode() + b"   \n\n"


def restored(stream: bytes) -> bytes:
    chain = Chain([Count(), toy_step.Restore(), Count()])
    events = [out for event in Reader().feed(stream) for out in chain.feed(event)]
    return b"".join(event.raw for event in [*events, *chain.finish()])


def shown(stream: bytes) -> str:
    deltas = [event.json()["delta"] for event in Reader().feed(stream) if event.name == "content_block_delta"]
    return "".join(each.get("text", "") for each in deltas)


ANSWER = "é [bird], not [bir], [[bird] or [bird][bird"


@pytest.mark.parametrize("size", range(1, len(ANSWER) + 1))
def test_a_stream_cut_anywhere_and_a_whole_answer_come_to_the_same_text(size):
    stream = HEAD + b"".join(delta(ANSWER[at : at + size]) for at in range(0, len(ANSWER), size)) + TAIL
    whole = Document.parse(json.dumps({"content": [{"type": "text", "text": ANSWER}]}).encode())
    expected = Chain([toy_step.Restore()]).document(whole).value["content"][0]["text"]
    assert expected == "é nightingale, not [bir], [nightingale or nightingale[bird"
    assert shown(restored(stream)) == expected


def test_what_the_step_has_no_business_with_is_relayed_byte_for_byte():
    edited = restored(HEAD + delta("one ") + delta("[bi") + delta("rd] more") + TAIL)
    assert edited == HEAD + delta("one ") + delta("nightingale more") + TAIL
    untouched = HEAD + delta("no\u00efve ") + delta("text [x]") + delta("") + TAIL
    assert restored(untouched) == untouched


def test_what_is_held_back_when_the_stream_breaks_is_still_sent():
    assert restored(HEAD + delta("see [bir")) == HEAD + delta("see ") + delta("[bir")


@strategies.unhurried
@given(st.lists(st.text(alphabet="[bird] x", max_size=8), max_size=8))
def test_any_deltas_come_to_the_text_of_the_whole(texts):
    stream = HEAD + b"".join(map(delta, texts)) + TAIL
    assert shown(restored(stream)) == "".join(texts).replace(toy_step.STAND_IN, toy_step.WORD)


def test_a_whole_answer_keeps_every_other_byte():
    raw = b'{ "content" : [{"type":"text","text":"A [bird]"}, {"type":"thinking","thinking":"[bird]"}], "n": 1.0 }'
    assert Chain([toy_step.Restore()]).document(Document.parse(raw)).raw == raw.replace(b"A [bird]", b"A nightingale")


def test_a_request_keeps_every_other_byte():
    raw = (
        b'{"model":"nightingale", "n":1e2,"messages":[{"role":"user","content":"a nightingale"},'
        b'{"role":"user","content":[{"type":"tool_result","tool_use_id":"nightingale","content":'
        b'[{"type":"text" ,"text":"nightingale"}]}]}]}'
    )
    expected = raw.replace(b"a nightingale", b"a [bird]").replace(b'"text":"nightingale"', b'"text":"[bird]"')
    assert toy_step.rewrite(Document.parse(raw)).raw == expected


def test_a_request_without_the_word_is_the_same_document():
    document = Document.parse(b'{"messages": [{"role":"user","content":"a lark"}]}')
    assert toy_step.rewrite(document) is document
