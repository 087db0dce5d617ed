"""What a model writes by itself is counted behind the stream, or held back until it was searched."""

import asyncio
import json
from collections.abc import Sequence
from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.formats.sse import Event, Reader
from proxy.privacy.counting import Counted, Counting
from proxy.privacy.placeholders import Placeholders
from proxy.privacy.rules import Mode
from proxy.privacy.scanning import AnswerNotSearched, PersonalDataInAnswer, Scanned, Search, Source
from tests.proxy.privacy.planted import KEY, MAIL, NAME, FakeDetector, privacy
from tests.proxy.privacy.test_answers import assembled, stream_of

TEXT = {"type": "text", "text": f"Ask {NAME}, or write to {MAIL} today."}
USE = {"type": "tool_use", "id": "toolu_1", "name": "Write", "input": {"a": [NAME, 7], "b": "x"}}
THINKING = {"type": "thinking", "thinking": NAME, "signature": "s"}
HIDDEN = [
    {"type": "text", "text": "Ask [PERSON], or write to [EMAIL_ADDRESS] today."},
    {**USE, "input": {"a": ["[PERSON]", 7], "b": "x"}},
    THINKING,
]


class FakeAnswer:
    """An upstream's answer, in pieces that were cut anywhere."""

    status = 200
    headers = ()
    request_id = ""

    def __init__(
        self, blocks: list[dict[str, Any]], *, is_stream: bool, cuts: Sequence[int] = (), size: int = 64
    ) -> None:
        self.is_stream = is_stream
        self.raw = b"".join(event.raw for event in stream_of(blocks, list(cuts)))
        if not is_stream:
            self.raw = json.dumps({"type": "message", "content": blocks}).encode()
        self._pieces = [self.raw[at : at + size] for at in range(0, len(self.raw), size)]

    async def read(self) -> bytes:
        return self.raw

    async def piece(self, _patience_seconds: float) -> bytes | None:
        return self._pieces.pop(0) if self._pieces else b""


def searched(answer: FakeAnswer, detector: FakeDetector | None = None, **rules: Any) -> tuple[Source, list[Search]]:
    told: list[Search] = []
    search = Search(privacy(Mode.OFF, **{"output_default_mode": Mode.REDACT, **rules}), detector or FakeDetector())  # type: ignore[arg-type]
    tell = partial(told.append, search)
    if search.changes_text or not answer.is_stream:
        return Scanned(answer, search, tell), told
    return Along(answer, Counting(search), tell), told


class Along(Counted):
    """As on the path of a call: the filter is fed what the source gives."""

    def __init__(self, answer: FakeAnswer, counting: Counting, tell: Any) -> None:
        super().__init__(answer, counting, tell)
        self._reader = Reader()

    async def piece(self, patience_seconds: float) -> bytes | None:
        piece = await super().piece(patience_seconds)
        fed = [event for event in self._reader.feed(piece or b"") if list(self._counting.feed(event)) != [event]]
        assert fed == []
        return piece


async def read(scanned: Source) -> bytes:
    if not scanned.is_stream:
        return await scanned.read()
    pieces = []
    while piece := await scanned.piece(5):
        pieces.append(piece)
    return b"".join(pieces)


async def shown(scanned: Source) -> list[dict[str, Any]]:
    raw = await read(scanned)
    return assembled(Reader().feed(raw)) if scanned.is_stream else json.loads(raw)["content"]


@pytest.mark.parametrize("is_stream", [True, False])
async def test_monitoring_counts_and_changes_no_byte(is_stream: bool) -> None:
    answer = FakeAnswer([TEXT, USE, THINKING], is_stream=is_stream, cuts=[5, 9])
    scanned, told = searched(answer, output_default_mode=Mode.MONITOR)
    assert await read(scanned) == answer.raw
    assert told[0].tally.header() == "EMAIL_ADDRESS=1, PERSON=2"
    assert told[0].tally.by_type["PERSON"]["places"] == {"answer": 2}


@pytest.mark.parametrize("is_stream", [True, False])
@pytest.mark.parametrize("mode", [Mode.REDACT, Mode.PSEUDONYMIZE])
async def test_what_is_hidden_is_hidden_for_good_in_texts_and_inputs(is_stream: bool, mode: Mode) -> None:
    scanned, told = searched(
        FakeAnswer([TEXT, USE, THINKING], is_stream=is_stream, cuts=[3, 8]), output_default_mode=mode
    )
    assert await shown(scanned) == HIDDEN
    assert told[0].tally.types_of(Mode.REDACT) == ["EMAIL_ADDRESS", "PERSON"]


def whole_block(block: dict[str, Any]) -> FakeAnswer:
    """An answer in which a block comes in one piece, as results of the upstream's own tools do, and a quotation."""
    citation = {"type": "char_location", "cited_text": NAME, "file_id": NAME}
    events = [
        Event.build("content_block_start", {"index": 0, "content_block": block}),
        Event.build("content_block_stop", {"index": 0}),
        Event.build(
            "content_block_start", {"index": 1, "content_block": {"type": "text", "text": "", "citations": []}}
        ),
        Event.build("content_block_delta", {"index": 1, "delta": {"type": "citations_delta", "citation": citation}}),
        Event.build("content_block_stop", {"index": 1}),
    ]
    answer = FakeAnswer([], is_stream=True)
    answer._pieces = [event.raw for event in events]
    return answer


RESULT = {"type": "bash_code_execution_tool_result", "tool_use_id": NAME, "content": {"stdout": f"{NAME} 7"}}


async def test_results_of_the_upstreams_own_tools_and_quotations_are_searched() -> None:
    [result, quoting] = await shown(searched(whole_block(RESULT))[0])
    assert result == {**RESULT, "content": {"stdout": "[PERSON] 7"}}
    assert quoting["citations"] == [{"type": "char_location", "cited_text": "[PERSON]", "file_id": NAME}]
    scanned, told = searched(whole_block(RESULT), output_default_mode=Mode.MONITOR)
    assert await shown(scanned) == [RESULT, {**quoting, "citations": [{**quoting["citations"][0], "cited_text": NAME}]}]
    assert told[0].tally.by_type["PERSON"]["places"] == {"answer": 2}
    with pytest.raises(PersonalDataInAnswer):
        await read(searched(whole_block(RESULT), output_default_mode=Mode.BLOCK)[0])


@pytest.mark.parametrize("is_stream", [True, False])
async def test_keys_that_the_model_makes_of_values_are_searched(is_stream: bool) -> None:
    use = {**USE, "input": {"rooms": {NAME: 7, MAIL: {"a": NAME}}}}
    scanned, _ = searched(FakeAnswer([use], is_stream=is_stream, cuts=[3, 8]))
    hidden = {"rooms": {"[PERSON]": 7, "[EMAIL_ADDRESS]": {"a": "[PERSON]"}}}
    assert await shown(scanned) == [{**use, "input": hidden}]


@given(st.lists(st.sampled_from([NAME, MAIL, "word ", "x" * 90, " ", "\n"]), max_size=40), st.integers(1, 99))
@settings(deadline=None, max_examples=50)
def test_no_value_is_shown_whatever_the_stream_is_cut_into(words: list[str], size: int) -> None:
    text = "".join(words)
    scanned, _ = searched(FakeAnswer([{"type": "text", "text": text}], is_stream=True, cuts=[size] * 80, size=size))
    [block] = asyncio.run(shown(scanned))
    assert block["text"] == text.replace(NAME, "[PERSON]").replace(MAIL, "[EMAIL_ADDRESS]")


@pytest.mark.parametrize("length", range(386, 402))
async def test_a_value_with_a_space_is_not_cut_where_a_part_is_shown(length: int) -> None:
    text = ("ab " * 200)[:length] + NAME + " and so on"
    scanned, _ = searched(FakeAnswer([{"type": "text", "text": text}], is_stream=True, cuts=[1] * 420))
    assert (await shown(scanned))[0]["text"] == text.replace(NAME, "[PERSON]")


async def test_a_private_key_is_held_back_until_it_ends() -> None:
    key = "-----BEGIN PRIVATE KEY-----\n" + "QUJD " * 600 + "\n-----END PRIVATE KEY-----"
    text = f"Here it is: {key} as you asked."
    answer = FakeAnswer([{"type": "text", "text": text}], is_stream=True, cuts=[40] * 80)
    scanned, _ = searched(answer, FakeDetector({key: "SECRET"}))
    assert (await shown(scanned))[0]["text"] == "Here it is: [SECRET] as you asked."


async def test_a_long_answer_is_shown_while_it_is_written() -> None:
    answer = FakeAnswer([{"type": "text", "text": "many words " * 200}], is_stream=True, cuts=[11] * 199)
    scanned, _ = searched(answer)
    total, before_end = 0, 0
    while piece := await scanned.piece(5):
        total += piece.count(b"many")
        before_end = total if answer._pieces else before_end
    assert (total, before_end > 100) == (200, True)


@pytest.mark.parametrize("is_stream", [True, False])
async def test_what_is_blocked_ends_the_answer_before_it_is_shown(is_stream: bool) -> None:
    scanned, _ = searched(FakeAnswer([TEXT], is_stream=is_stream), output_modes={"PERSON": Mode.BLOCK})
    with pytest.raises(PersonalDataInAnswer) as refused:
        await read(scanned)
    assert "PERSON" in refused.value.message and NAME not in refused.value.message


async def test_placeholders_are_no_findings() -> None:
    token = Placeholders(KEY).stand_in("PERSON", NAME)
    answer = FakeAnswer([{"type": "text", "text": f"{token} said"}], is_stream=False)
    scanned, told = searched(answer, FakeDetector({token[8:-1]: "SECRET"}))
    assert (await shown(scanned))[0]["text"] == f"{token} said"
    assert told[0].tally.by_type == {}


async def test_a_key_between_brackets_is_no_placeholder() -> None:
    key = "AKIA2345ABCDEFGH2345"
    answer = FakeAnswer([{"type": "text", "text": f"[KEY_{key}]"}], is_stream=False)
    assert (await shown(searched(answer, FakeDetector({key: "SECRET"}))[0]))[0]["text"] == "[KEY_[SECRET]]"


@pytest.mark.parametrize("is_stream", [True, False])
async def test_what_could_not_be_searched_is_not_shown_unless_it_was_only_to_be_counted(is_stream: bool) -> None:
    late = FakeDetector()
    late.is_late = True
    with pytest.raises(AnswerNotSearched):
        await read(searched(FakeAnswer([TEXT], is_stream=is_stream), late)[0])
    for rules in ({"output_default_mode": Mode.MONITOR}, {"on_failure": "open"}):
        answer = FakeAnswer([TEXT], is_stream=is_stream)
        scanned, told = searched(answer, late, **rules)
        assert await shown(scanned) == [TEXT]
        assert told[0].has_failed


async def test_odd_answers_pass() -> None:
    for raw in (b"[1", b'{"content": 1}', b'{"content": [1, {"type": []}]}'):
        answer = FakeAnswer([], is_stream=False)
        answer.raw = raw
        assert await read(searched(answer)[0]) == raw
    event = (
        b'event: content_block_delta\ndata: {"index": [], "delta": 1}\n\nevent: content_block_stop\ndata: {\n\ndata: ha'
    )
    answer = FakeAnswer([], is_stream=True)
    for mode in (Mode.REDACT, Mode.MONITOR):
        answer._pieces = [event]
        assert await read(searched(answer, output_default_mode=mode)[0]) == event


async def test_what_a_broken_stream_left_unfinished_is_counted_too() -> None:
    answer = FakeAnswer([TEXT], is_stream=True)
    answer._pieces = [answer.raw.partition(b"event: content_block_stop")[0]]
    scanned, told = searched(answer, output_default_mode=Mode.MONITOR)
    await read(scanned)
    assert told[0].tally.header() == "EMAIL_ADDRESS=1, PERSON=1"
