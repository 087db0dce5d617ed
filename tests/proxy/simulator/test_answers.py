import json
from typing import Any

import pytest

from tests.proxy.simulator.asking import TOOL, ask, ask_events, body, collect, post, text_of

DOCUMENTS: list[dict[str, Any]] = [
    {
        "type": "document",
        "title": "Grass",
        "citations": {"enabled": True},
        "source": {"type": "text", "media_type": "text/plain", "data": "Grün ist das Gras. Blau der Himmel."},
    },
    {
        "type": "document",
        "citations": {"enabled": False},
        "source": {"type": "text", "media_type": "text/plain", "data": "Not to be cited."},
    },
    {
        "type": "document",
        "citations": {"enabled": True},
        "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0="},
    },
    {
        "type": "document",
        "citations": {"enabled": True},
        "source": {"type": "content", "content": [{"type": "text", "text": "A chunk."}]},
    },
    {
        "type": "search_result",
        "title": "Found",
        "source": "https://example.com/",
        "citations": {"enabled": True},
        "content": [{"type": "text", "text": "A find."}],
    },
]
SCHEMA = {"type": "object", "properties": {"title": {"type": "string"}}, "required": ["title"]}
REQUESTS: dict[str, dict[str, Any]] = {
    "plain": body(),
    "long": body("#simulate tokens=200"),
    "nothing": body('#simulate text=""'),
    "no tokens": body(max_tokens=0),
    "cut short": body(max_tokens=3),
    "stopped": body("#simulate echo\none STOP two", stop_sequences=["two", "STOP"]),
    "tool": body('#simulate tool=get_weather input={"city":"Zürich 🙂 \\"x\\"","days":3} text="I look."', tools=[TOOL]),
    "forced": body(tools=[TOOL], tool_choice={"type": "any"}),
    "thinking": body("#simulate thinking=40 redacted", thinking={"type": "adaptive"}),
    "omitted": body("#simulate thinking=40", thinking={"type": "adaptive", "display": "omitted"}),
    "budget": body(thinking={"type": "enabled", "budget_tokens": 1024}),
    "cited": body([*DOCUMENTS, {"type": "text", "text": "#simulate cite"}]),
    "structured": body(output_config={"format": {"type": "json_schema", "schema": SCHEMA}}),
    "pings": body("#simulate tokens=9 ping_every=2"),
}


def _without_ids(message: dict[str, Any]) -> dict[str, Any]:
    content = [{key: value for key, value in block.items() if key != "id"} for block in message["content"]]
    return {**message, "id": "", "content": content}


@pytest.mark.parametrize("name", REQUESTS)
async def test_a_stream_adds_up_to_the_whole_answer(name: str) -> None:
    whole = (await post(REQUESTS[name])).json()
    streamed = collect(await ask_events(**{"text": "", **REQUESTS[name]}))
    assert _without_ids(streamed) == _without_ids(whole)


async def test_the_answer_says_who_it_is_from_and_what_was_asked() -> None:
    message = await ask("What is this?", model="any-model")
    assert text_of(message) == "This is LLM Proxy's simulator, no model was asked. You wrote: What is this?"
    assert (message["model"], message["stop_reason"], message["type"]) == ("any-model", "end_turn", "message")


async def test_the_same_request_has_the_same_usage_and_another_id() -> None:
    first, second = await ask(), await ask()
    assert first["usage"] == second["usage"]
    assert first["id"] != second["id"] and first["id"].startswith("msg_sim_")


async def test_asked_tokens_are_given_and_counted_exactly() -> None:
    for count in (0, 1, 5, 13, 200):
        events = await ask_events(f"#simulate tokens={count}")
        assert sum(data.get("delta", {}).get("type") == "text_delta" for _, data in events) == count
        assert collect(events)["usage"]["output_tokens"] == count


async def test_max_tokens_ends_an_answer() -> None:
    message = await ask("#simulate tokens=50", max_tokens=20)
    assert (message["stop_reason"], message["usage"]["output_tokens"]) == ("max_tokens", 20)
    assert (await ask(max_tokens=0))["content"] == []


async def test_a_tool_call_that_does_not_fit_is_left_out() -> None:
    message = await ask('#simulate tool=get_weather text="I look."', tools=[TOOL], max_tokens=4)
    assert [block["type"] for block in message["content"]] == ["text"]
    assert message["stop_reason"] == "max_tokens"


async def test_the_earliest_stop_sequence_ends_an_answer() -> None:
    message = await ask("#simulate echo\none STOP two", stop_sequences=["two", "STOP"])
    assert (text_of(message), message["stop_reason"], message["stop_sequence"]) == ("one ", "stop_sequence", "STOP")


async def test_echo_gives_the_users_text_back_exactly() -> None:
    text = "  Alice <alice@example.com>\n\n\tÜber 漢字 🙂  "
    assert text_of(await ask(f"#simulate echo\n{text}")) == text


async def test_pings_come_as_often_as_asked() -> None:
    names = [name for name, _ in await ask_events("#simulate tokens=9 ping_every=2")]
    assert names.count("ping") == 1 + 4


async def test_a_stop_reason_can_be_asked_for() -> None:
    assert (await ask("#simulate stop_reason=refusal"))["stop_reason"] == "refusal"


@pytest.mark.parametrize("choice", [{"type": "any"}, {"type": "tool", "name": "get_weather"}])
async def test_a_forced_tool_is_called_with_the_smallest_valid_input(choice: dict[str, Any]) -> None:
    message = await ask(tools=[TOOL], tool_choice=choice)
    assert message["stop_reason"] == "tool_use"
    assert message["content"][0]["input"] == {"city": "simulated", "days": 1}


async def test_tools_are_not_called_where_the_request_forbids_it() -> None:
    message = await ask("#simulate tool=get_weather", tools=[TOOL], tool_choice={"type": "none"})
    assert message["stop_reason"] == "end_turn"


async def test_tools_that_the_request_does_not_offer_are_refused() -> None:
    for fields in ({"text": "#simulate tool=Bash"}, {"tool_choice": {"type": "tool", "name": "Bash"}}):
        response = await post(body(**fields, tools=[TOOL]))
        assert response.status_code == 400 and "Bash" in response.json()["error"]["message"]


async def test_several_tools_are_called_at_once() -> None:
    text = '#simulate tools=[{"name":"get_weather","input":{"n":1}},{"name":"get_weather","input":{"n":2}}]'
    message = await ask(text, tools=[TOOL])
    assert [block["input"] for block in message["content"]] == [{"n": 1}, {"n": 2}]
    assert len({block["id"] for block in message["content"]}) == 2


def _answered(first: str, *results: str) -> list[dict[str, Any]]:
    messages: list[dict[str, Any]] = [{"role": "user", "content": first}]
    for at, result in enumerate(results):
        use = {"type": "tool_use", "id": f"t{at}", "name": "get_weather", "input": {}}
        messages.append({"role": "assistant", "content": [use]})
        reminder = {"type": "text", "text": "<system-reminder>\n#simulate error=500\n</system-reminder>"}
        answer = {"type": "tool_result", "tool_use_id": f"t{at}", "content": [{"type": "text", "text": result}]}
        messages.append({"role": "user", "content": [answer, reminder]})
    return messages


async def test_a_tool_result_is_quoted_and_the_tool_not_called_again() -> None:
    message = await ask(messages=_answered("#simulate tool=get_weather", "sunny, 21 °C"), tools=[TOOL])
    assert message["stop_reason"] == "end_turn" and "sunny, 21 °C" in text_of(message)


async def test_a_script_takes_one_step_for_each_answer() -> None:
    script = '#simulate script=[{"tool":"get_weather","input":{"n":1}},{"tool":"get_weather"},{"text":"Done."}]'
    steps = [await ask(messages=_answered(script, *["ok"] * count), tools=[TOOL]) for count in range(4)]
    assert [step["stop_reason"] for step in steps] == ["tool_use", "tool_use", "end_turn", "end_turn"]
    assert steps[0]["content"][0]["input"] == {"n": 1}
    assert text_of(steps[2]) == "Done." and "The tool answered: ok" in text_of(steps[3])


async def test_a_new_turn_forgets_the_directives_of_the_last() -> None:
    messages = [
        {"role": "user", "content": "#simulate error=529"},
        {"role": "assistant", "content": "sorry"},
        {"role": "user", "content": [{"type": "text", "text": "again"}]},
        {"role": "system", "content": "#simulate error=500"},
    ]
    assert "You wrote: again" in text_of(await ask(messages=messages))


async def test_thinking_comes_only_where_the_request_allows_it() -> None:
    text = "#simulate thinking=40 redacted"
    assert [block["type"] for block in (await ask(text))["content"]] == ["text"]
    message = await ask(text, thinking={"type": "adaptive"})
    assert [block["type"] for block in message["content"]] == ["thinking", "redacted_thinking", "text"]
    assert message["usage"]["output_tokens_details"] == {"thinking_tokens": 41}


async def test_omitted_thinking_is_counted_and_not_shown() -> None:
    message = await ask("#simulate thinking=40", thinking={"type": "adaptive", "display": "omitted"})
    assert message["content"][0]["thinking"] == "" and message["content"][0]["signature"]
    assert message["usage"]["output_tokens_details"] == {"thinking_tokens": 40}


async def test_thinking_is_taken_back_as_it_was_and_refused_when_altered() -> None:
    first = await ask("#simulate thinking=40 redacted", thinking={"type": "adaptive"})
    messages = [
        {"role": "user", "content": "a"},
        {"role": "assistant", "content": first["content"]},
        {"role": "user", "content": "b"},
    ]
    assert "You wrote: b" in text_of(await ask(messages=messages))
    first["content"][0]["thinking"] += "!"
    response = await post(body(messages=messages))
    assert response.status_code == 400 and "`signature`" in response.json()["error"]["message"]


async def test_thinking_of_a_real_model_is_not_judged() -> None:
    thought = {"type": "thinking", "thinking": "hm", "signature": "ErUBsomebody"}
    messages = [
        {"role": "user", "content": "a"},
        {"role": "assistant", "content": [thought]},
        {"role": "user", "content": "b"},
    ]
    assert (await ask(messages=messages))["stop_reason"] == "end_turn"


async def test_citations_point_at_their_sources() -> None:
    message = await post(REQUESTS["cited"])
    cited = [citation for block in message.json()["content"] for citation in block.get("citations", ())]
    assert [citation["type"] for citation in cited] == [
        "char_location",
        "page_location",
        "content_block_location",
        "search_result_location",
    ]
    assert [citation.get("document_index") for citation in cited] == [0, 2, 3, None]
    data = DOCUMENTS[0]["source"]["data"]
    assert data[cited[0]["start_char_index"] : cited[0]["end_char_index"]] == cited[0]["cited_text"]
    assert cited[0]["cited_text"] == "Grün ist das Gras."


async def test_sources_in_tool_results_are_cited_too() -> None:
    result = {"type": "tool_result", "tool_use_id": "t", "content": [DOCUMENTS[4]]}
    messages = [
        {"role": "user", "content": "#simulate cite"},
        {"role": "assistant", "content": "…"},
        {"role": "user", "content": [result]},
    ]
    blocks = (await ask(messages=messages))["content"]
    assert blocks[-1]["citations"][0]["source"] == "https://example.com/"


async def test_a_title_that_is_no_text_is_left_out() -> None:
    odd = {**DOCUMENTS[0], "title": 2**70}
    raw = json.dumps(body([odd, {"type": "text", "text": "#simulate cite"}])).encode()
    citation = (await post(raw)).json()["content"][-1]["citations"][0]
    assert citation["document_title"] is None


async def test_structured_answers_fit_their_schema_whatever_else_is_asked() -> None:
    config = {"format": {"type": "json_schema", "schema": SCHEMA}}
    message = await ask("#simulate tokens=500 echo", output_config=config)
    assert text_of(message) == '{"title":"simulated"}'
