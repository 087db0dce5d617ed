import json

import pytest

from proxy.formats import messages
from proxy.formats.document import Document

HELLO = {"model": "claude-opus-5-5", "max_tokens": 1024, "messages": [{"role": "user", "content": "Hello"}]}


def check(body, endpoint="messages"):
    messages.check(Document.parse(json.dumps(body).encode()), endpoint=endpoint)


def refusal(body, endpoint="messages"):
    with pytest.raises(messages.InvalidField) as caught:
        check(body, endpoint)
    assert str(caught.value) == f"{caught.value.path}: {caught.value.message}"
    return str(caught.value)


def with_content(content):
    return HELLO | {"messages": [{"role": "user", "content": content}]}


CLAUDE_CODE = {
    "model": "claude-opus-5-5",
    "messages": [
        {"role": "user", "content": [{"type": "text", "text": "Hi", "cache_control": {"type": "ephemeral"}}]},
        {"role": "system", "content": "A reminder", "output_config": {"effort": "high"}},
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "", "signature": "c2ln"},
                {"type": "tool_use", "id": "toolu_1", "name": "Read", "input": {"file_path": "/a"}},
            ],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "toolu_1", "content": [{"type": "image", "source": {}}]},
                {"type": "a_type_of_tomorrow", "text": 5},
            ],
        },
    ],
    "system": [{"type": "text", "text": "You are"}],
    "tools": [{"name": "Read", "input_schema": {"type": "object"}}, {"type": "web_search_20260318", "name": "web"}],
    "metadata": {"user_id": "{}"},
    "max_tokens": 128000,
    "thinking": {"type": "adaptive"},
    "context_management": {"edits": []},
    "output_config": {"effort": "high"},
    "stream": True,
    "safeguards": [{"type": "dangerous_tool_use"}],
}


def test_what_claude_code_sends_passes_with_roles_fields_and_blocks_nobody_documented():
    check(CLAUDE_CODE)
    check(CLAUDE_CODE, "count_tokens")


@pytest.mark.parametrize("name", ["model", "messages", "max_tokens"])
def test_a_required_field_that_is_missing_is_named(name):
    assert refusal({key: value for key, value in HELLO.items() if key != name}) == f"{name}: Field required"


def test_counting_tokens_needs_no_max_tokens():
    body = {"model": "m", "messages": HELLO["messages"]}
    check(body, "count_tokens")
    assert refusal({"messages": HELLO["messages"]}, "count_tokens") == "model: Field required"


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("model", None, "model: Input should be a valid string"),
        ("model", "", "model: String should have at least 1 character"),
        ("messages", None, "messages: Input should be a valid list"),
        ("messages", "Hello", "messages: Input should be a valid list"),
        ("messages", [], "messages: at least one message is required"),
        ("messages", ["Hello"], "messages.0: Input should be a valid dictionary"),
        ("messages", [{"content": "x"}], "messages.0.role: Field required"),
        ("messages", [{"role": None, "content": "x"}], "messages.0.role: Input should be a valid string"),
        ("messages", [{"role": "user"}], "messages.0.content: Field required"),
        ("messages", [{"role": "user", "content": None}], "messages.0.content: Input should be a valid string or list"),
        ("max_tokens", None, "max_tokens: Input should be a valid integer"),
        ("max_tokens", True, "max_tokens: Input should be a valid integer"),
        ("max_tokens", 10.0, "max_tokens: Input should be a valid integer"),
        ("max_tokens", "10", "max_tokens: Input should be a valid integer"),
        ("max_tokens", -1, "max_tokens: Input should be greater than or equal to 0"),
        ("stream", "true", "stream: Input should be a valid boolean"),
        ("stream", 1, "stream: Input should be a valid boolean"),
        ("system", 5, "system: Input should be a valid list"),
        ("system", ["x"], "system.0: Input should be a valid dictionary"),
        ("tools", {}, "tools: Input should be a valid list"),
        ("tools", [{}, "x"], "tools.1: Input should be a valid dictionary"),
        ("tool_choice", "auto", "tool_choice: Input should be a valid dictionary"),
        ("metadata", "x", "metadata: Input should be a valid dictionary"),
        ("thinking", True, "thinking: Input should be a valid dictionary"),
        ("output_config", [], "output_config: Input should be a valid dictionary"),
        ("context_management", [], "context_management: Input should be a valid dictionary"),
        ("thread", "x", "thread: Input should be a valid dictionary"),
        ("mcp_servers", [1], "mcp_servers.0: Input should be a valid dictionary"),
        ("stop_sequences", "x", "stop_sequences: Input should be a valid list"),
        ("stop_sequences", ["x", 1], "stop_sequences.1: Input should be a valid string"),
        ("temperature", "1", "temperature: Input should be a valid number"),
        ("top_p", True, "top_p: Input should be a valid number"),
        ("top_k", 1.5, "top_k: Input should be a valid integer"),
        ("service_tier", 1, "service_tier: Input should be a valid string"),
        ("container", [], "container: Input should be a valid dictionary"),
    ],
)
def test_a_field_of_the_wrong_type_is_named_in_anthropics_words(name, value, message):
    assert refusal(HELLO | {name: value}) == message


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (["x"], "messages.0.content.0: Input should be a valid dictionary"),
        ([{"text": "x"}], "messages.0.content.0.type: Field required"),
        ([{"type": 1}], "messages.0.content.0.type: Input should be a valid string"),
        ([{"type": ["text"]}], "messages.0.content.0.type: Input should be a valid string"),
        ([{"type": "text"}], "messages.0.content.0.text.text: Field required"),
        (
            [{"type": "x"}, {"type": "text", "text": 1}],
            "messages.0.content.1.text.text: Input should be a valid string",
        ),
        (
            [{"type": "tool_use", "id": "a", "name": "b", "input": "{}"}],
            "messages.0.content.0.tool_use.input: Input should be a valid dictionary",
        ),
        ([{"type": "tool_result"}], "messages.0.content.0.tool_result.tool_use_id: Field required"),
    ],
)
def test_a_block_of_the_wrong_shape_is_named_with_its_place(content, message):
    assert refusal(with_content(content)) == message


@pytest.mark.parametrize(
    "name", ["stream", "system", "tools", "tool_choice", "metadata", "temperature", "stop_sequences"]
)
def test_null_stands_for_an_optional_field_that_is_not_given(name):
    check(HELLO | {name: None})


@pytest.mark.parametrize(
    "field",
    [
        {"max_tokens": 0},
        {"temperature": 1},
        {"temperature": 0.5},
        {"system": "Be brief."},
        {"container": "container_1"},
        {"container": {"skills": []}},
        {"fallbacks": 5},
    ],
)
def test_what_is_documented_in_several_forms_passes_in_each(field):
    check(HELLO | field)


@pytest.mark.parametrize("name", ["Model", "MODEL", "\u017ftream", "tool\u017f", "Max_Tokens"])
def test_a_field_that_some_readers_would_take_for_another_is_refused(name):
    assert refusal(HELLO | {name: "x"}).startswith(f"{name}: Extra inputs are not permitted")
