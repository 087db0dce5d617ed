"""The simulator searches documents where it is offered to, and cites what it is given."""

from typing import Any

import pytest

from proxy.knowledge.tool import offering
from tests.proxy.simulator.asking import ask

SEARCH = offering.definition(["handbook"])
FOUND = {
    "type": "search_result",
    "source": "handbook/leave.md",
    "title": "leave.md",
    "content": [{"type": "text", "text": "Thirty days."}],
    "citations": {"enabled": True},
}


def turn(*content: dict[str, Any] | str) -> list[dict[str, Any]]:
    call = {"type": "tool_use", "id": "t", "name": "search_documents", "input": {"query": "How many days?"}}
    result = {"type": "tool_result", "tool_use_id": "t", "content": list(content)}
    return [
        {"role": "user", "content": "How many days?"},
        {"role": "assistant", "content": [call]},
        {"role": "user", "content": [result]},
    ]


async def test_it_searches_for_the_users_words() -> None:
    message = await ask("How many days?", tools=[SEARCH])
    said, call = message["content"]
    assert said == {"type": "text", "text": "Let me look that up."}
    assert (call["name"], call["input"], message["stop_reason"]) == (
        "search_documents",
        {"query": "How many days?"},
        "tool_use",
    )


async def test_it_cites_what_was_found_and_searches_no_more() -> None:
    message = await ask(messages=turn(FOUND), tools=[SEARCH])
    assert message["stop_reason"] == "end_turn"
    assert message["content"][-1]["citations"][0]["source"] == "handbook/leave.md"
    nothing = await ask(messages=turn({"type": "text", "text": "Nothing was found."}), tools=[SEARCH])
    assert "Nothing was found." in nothing["content"][0]["text"]


@pytest.mark.parametrize("text", ["#simulate text=Hello", "#simulate tokens=3", "Hi\n#simulate echo"])
async def test_directives_say_what_is_done_instead(text: str) -> None:
    message = await ask(text, tools=[SEARCH])
    assert message["stop_reason"] == "end_turn"


@pytest.mark.parametrize("choice", [{"type": "none"}, {"type": "tool", "name": "other"}])
async def test_a_choice_of_tools_is_obeyed(choice: dict[str, Any]) -> None:
    message = await ask("How many days?", tools=[SEARCH, {**SEARCH, "name": "other"}], tool_choice=choice)
    assert [block.get("name") for block in message["content"]] == [choice.get("name")]
