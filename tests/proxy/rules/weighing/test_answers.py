"""An answer is held back until its texts were weighed; however its stream is cut, the same is let go."""

import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.formats.sse import Reader
from proxy.rules.weighing.answers import SEGMENT_CHARS, Weighed
from tests.proxy.privacy.test_answers import assembled
from tests.proxy.privacy.test_scanning import FakeAnswer

USE = {"type": "tool_use", "id": "toolu_1", "name": "Bash", "input": {"command": "echo bad"}}


class Scale:
    def __init__(self, word: str = "bad") -> None:
        self.word = word
        self.weighed: list[tuple[str, str]] = []
        self.stopped: list[str] = []

    async def __call__(self, kind: str, given: Sequence[str]) -> Callable[[], None] | None:
        self.weighed += [(kind, one) for one in given]
        return (lambda: self.stopped.append(kind)) if any(self.word in one for one in given) else None


async def shown(blocks: list[dict[str, Any]], scale: Scale, *, cuts: Sequence[int] = (), size: int = 64) -> bytes:
    """What is let go before the scale says no, and all where it does not."""
    answer = Weighed(FakeAnswer(blocks, is_stream=True, cuts=cuts, size=size), scale, holds=True)
    raw = b""
    while piece := await answer.piece(1.0):
        if scale.stopped:
            break
        raw += piece
    return raw


def text_of(raw: bytes) -> str:
    deltas = [event.json()["delta"] for event in Reader().feed(raw) if event.name == "content_block_delta"]
    return "".join(delta.get("text", delta.get("partial_json", "")) for delta in deltas)


@settings(deadline=None)
@given(st.lists(st.integers(1, 900), max_size=8), st.integers(1, 200))
async def test_what_is_good_passes_to_the_letter(cuts: list[int], size: int) -> None:
    blocks = [{"type": "text", "text": "All is well. " * 200}, {**USE, "input": {"command": "ls"}}]
    assert assembled(Reader().feed(await shown(blocks, Scale(), cuts=cuts, size=size))) == blocks


@settings(deadline=None)
@given(st.lists(st.integers(1, 1500), max_size=8))
async def test_nothing_is_shown_of_what_was_weighed_and_found_bad_however_it_is_cut(cuts: list[int]) -> None:
    text = "good " * 300 + "bad " + "good " * 300
    raw = await shown([{"type": "text", "text": text}], Scale(), cuts=cuts)
    assert text_of(raw) == text[: 3 * SEGMENT_CHARS], "the fourth segment is weighed with what follows it"


async def test_a_tools_input_is_weighed_once_it_is_whole_and_held_until_then() -> None:
    scale = Scale()
    raw = await shown([USE], scale, cuts=[3, 5])
    assert b"Bash" not in raw and scale.weighed == [("tool", "echo bad")]


async def test_where_nothing_is_blocked_the_answer_is_weighed_behind_what_is_shown() -> None:
    scale = Scale()
    source = FakeAnswer([{"type": "text", "text": "bad"}, USE], is_stream=True)
    answer = Weighed(source, scale, holds=False)
    raw = b""
    while piece := await answer.piece(1.0):
        raw += piece
    assert raw == source.raw and sorted(scale.weighed) == [("text", "bad"), ("tool", "echo bad")]


@pytest.mark.parametrize("blocks", [[{"type": "text", "text": "bad"}], [USE]])
async def test_a_whole_answer_is_weighed_too(blocks: list[dict[str, Any]]) -> None:
    scale = Scale()
    answer = Weighed(FakeAnswer(blocks, is_stream=False), scale, holds=True)
    assert json.loads(await answer.read())["content"] == blocks and scale.stopped


async def test_a_stream_is_weighed_in_the_segments_of_the_whole() -> None:
    text = "".join(f"{number} " for number in range(500))
    whole, streamed = Scale(), Scale()
    await Weighed(FakeAnswer([{"type": "text", "text": text}], is_stream=False), whole, holds=True).read()
    await shown([{"type": "text", "text": text}], streamed, cuts=[7, 700, 900])
    assert whole.weighed == streamed.weighed
