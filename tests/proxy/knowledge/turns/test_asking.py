"""Which turns ask, what they ask, and that a turn is known again wherever the client moves its cache markers."""

from typing import Any

import pytest

from proxy.knowledge.turns import asking

RESULT = {"type": "tool_result", "tool_use_id": "t", "content": "forty"}


def read(*contents: Any, secret: bytes = b"s") -> list[asking.Turn]:
    """Turns of a conversation in which each content is a user's, and a pair is (role, content)."""
    messages = [
        {"role": content[0], "content": content[1]}
        if isinstance(content, tuple)
        else {"role": "user", "content": content}
        for content in contents
    ]
    return asking.read(messages, secret)


def text(words: str, **more: Any) -> dict[str, Any]:
    return {"type": "text", "text": words, **more}


def test_only_the_last_users_turn_is_open() -> None:
    first, second = read("How many days?", ("assistant", "Thirty."), "And for parents?")
    assert (first.question, first.is_open, first.content) == ("How many days?", False, ("messages", 0, "content"))
    assert (second.question, second.is_open, second.content) == ("And for parents?", True, ("messages", 2, "content"))


@pytest.mark.parametrize("after", [("system", "Be brief."), ("assistant", "{")])
def test_a_note_or_the_beginning_of_the_answer_behind_it_leaves_it_open(after: tuple[str, str]) -> None:
    [turn] = read("How many days?", after)
    assert turn.is_open


def test_a_turn_of_tool_results_asks_nothing_and_closes_the_one_before() -> None:
    reminder = text("<system-reminder>\nThe list is empty.\n</system-reminder>")
    [turn] = read("How many days?", ("assistant", "Let me see."), [RESULT, reminder])
    assert (turn.content, turn.is_open) == (("messages", 0, "content"), False)


def test_words_beside_tool_results_ask() -> None:
    _first, second = read("How many days?", ("assistant", "…"), [RESULT, text("No, in weeks!")])
    assert (second.question, second.is_open) == ("No, in weeks!", True)


def test_notes_images_and_other_blocks_are_no_question() -> None:
    image = {"type": "image", "source": {"type": "url", "url": "https://x.test/a.png"}}
    [turn] = read(
        [text("<system-reminder>\nx\n</system-reminder>"), image, text(" What is it? "), text("Say it short.")]
    )
    assert turn.question == "What is it?\nSay it short."
    assert read([image], "ok", "", [text("  ")]) == []


def test_a_turn_is_known_again_by_what_it_says_and_to_its_own_key_only() -> None:
    [plain] = read("How many days?")
    [block] = read([text("How many days?")])
    [marked] = read([text("How many days?", cache_control={"type": "ephemeral"})])
    [other] = read("How many weeks?")
    [stranger] = read("How many days?", secret=b"t")
    assert plain.digest == block.digest == marked.digest
    assert len({plain.digest, other.digest, stranger.digest}) == 3


def test_of_a_long_conversation_the_latest_turns_count() -> None:
    turns = read(*[f"Question {number}" for number in range(asking.MOST_TURNS + 5)])
    assert (len(turns), turns[-1].is_open, turns[0].question) == (asking.MOST_TURNS, True, "Question 5")
