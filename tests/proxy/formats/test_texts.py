"""Which leaves of a request are people's text, and which must not change by a byte."""

from typing import Any

import pytest

from proxy.formats import texts
from proxy.formats.splice import Key

X = "text"


def found(body: dict[str, Any], **options: bool) -> dict[str, str]:
    leaves = texts.of_request(body, **options).leaves
    return {".".join(map(_step, leaf.path)): leaf.place for leaf in leaves}


def _step(step: Any) -> str:
    return f"*{step.name}" if isinstance(step, Key) else str(step)


def in_message(block: Any, role: str = "user", **options: bool) -> dict[str, str]:
    begin = "messages.0.content.0."
    named = found({"messages": [{"role": role, "content": [block]}]}, **options)
    return {path.removeprefix(begin): place for path, place in named.items()}


def test_texts_of_system_messages_and_tools_are_found_in_the_order_upstreams_cache_them() -> None:
    body = {
        "model": X,
        "metadata": {"user_id": X},
        "stop_sequences": [X],
        "messages": [
            {"role": "user", "content": X},
            {"role": "assistant", "content": [{"type": "text", "text": X, "cache_control": {"type": X}}]},
            {"role": "system", "content": X},
        ],
        "system": [{"type": "text", "text": "x-anthropic-billing-header: a"}, {"type": "text", "text": X}],
        "tools": [{"name": X, "description": X}],
        "mcp_servers": [{"url": X, "authorization_token": X}],
    }
    assert list(found(body).items()) == [
        ("tools.0.description", "tools"),
        ("system.1.text", "system"),
        ("messages.0.content", "user"),
        ("messages.1.content.0.text", "assistant"),
        ("messages.2.content", "system"),
    ]
    assert found({"system": X}) == {"system": "system"}


def test_of_tools_only_descriptions_and_examples_are_found() -> None:
    schema = {
        "type": "object",
        "description": X,
        "$defs": {"a": {"description": X, "$ref": X, "title": X}},
        "properties": {
            "description": {"type": "string", "description": X, "enum": [X], "default": X, "examples": [X]},
            "list": {"items": {"anyOf": [{"description": X}, {"const": X}]}},
        },
        "required": [X],
    }
    tool = {"name": X, "type": X, "input_schema": schema, "input_examples": [{"a": X, "b": [X, 1]}]}
    assert set(found({"tools": [tool]})) == {
        "tools.0.input_examples.0.a",
        "tools.0.input_examples.0.b.0",
        "tools.0.input_schema.$defs.a.description",
        "tools.0.input_schema.description",
        "tools.0.input_schema.properties.description.description",
        "tools.0.input_schema.properties.description.examples.0",
        "tools.0.input_schema.properties.list.items.anyOf.0.description",
    }


@pytest.mark.parametrize(
    ("block", "leaves"),
    [
        (
            {"type": "tool_use", "id": X, "name": X, "input": {"a": X, "b": [{"c": X}], "d": 1}},
            {"input.a", "input.b.0.c"},
        ),
        (
            {"type": "tool_use", "input": {"a b": {"Y": 1}, "fileName": [{"A": 2}]}},
            {"input.*a b", "input.a b.*Y", "input.fileName.0.*A"},
        ),
        ({"type": "server_tool_use", "id": X, "name": X, "input": {"query": X}}, {"input.query"}),
        ({"type": "mcp_tool_use", "server_name": X, "name": X, "input": {"q": X}}, {"input.q"}),
        ({"type": "tool_result", "tool_use_id": X, "content": X}, {"content"}),
        (
            {"type": "tool_result", "content": [{"type": "text", "text": X}, {"type": "tool_reference"}]},
            {"content.0.text"},
        ),
        ({"type": "mcp_tool_result", "content": [{"type": "text", "text": X}]}, {"content.0.text"}),
        (
            {"type": "document", "title": X, "context": X, "source": {"type": "text", "media_type": X, "data": X}},
            {"title", "context", "source.data"},
        ),
        (
            {"type": "document", "source": {"type": "content", "content": [{"type": "text", "text": X}]}},
            {"source.content.0.text"},
        ),
        (
            {"type": "search_result", "title": X, "source": X, "content": [{"type": "text", "text": X}]},
            {"title", "source", "content.0.text"},
        ),
        ({"type": "browser_state", "tabs": [{"title": X, "url": X, "id": X}]}, {"tabs.0.title", "tabs.0.url"}),
        (
            {
                "type": "web_fetch_tool_result",
                "content": {"url": X, "content": {"type": "document", "source": {"type": "text", "data": X}}},
            },
            {"content.content.source.data"},
        ),
        (
            {
                "type": "bash_code_execution_tool_result",
                "content": {"stdout": X, "stderr": X, "lines": [X], "encrypted_stdout": X},
            },
            {"content.stdout", "content.stderr", "content.lines.0"},
        ),
        (
            {"type": "text", "text": X, "citations": [{"type": X, "cited_text": X, "document_title": X, "file_id": X}]},
            {"text", "citations.0.cited_text", "citations.0.document_title"},
        ),
        ({"type": "text", "text": X, "citations": {"enabled": True}}, {"text"}),
        ({"type": "thinking", "thinking": X, "signature": X}, set()),
        ({"type": "redacted_thinking", "data": X}, set()),
        ({"type": "compaction", "content": X, "signature": X}, set()),
        ({"type": "web_search_tool_result", "content": [{"title": X, "encrypted_content": X}]}, set()),
        ({"type": "tool_reference", "tool_name": X}, set()),
    ],
)
def test_each_kind_of_block_has_its_leaves(block: dict[str, Any], leaves: set[str]) -> None:
    assert set(in_message(block)) == leaves


def test_names_that_a_tool_declares_are_the_programs() -> None:
    schema = {"type": "object", "properties": {"A": {"type": "object", "properties": {"B C": {}}}}}
    use = {"type": "tool_use", "input": {"A": {"B C": 1, "D": 2}}}
    body = {"tools": [{"input_schema": schema}], "messages": [{"role": "assistant", "content": [use]}]}
    assert found(body) == {"messages.0.content.0.input.A.*D": "tool_input"}


def test_places_tell_what_a_text_is_part_of() -> None:
    assert in_message({"type": "tool_result", "content": X}) == {"content": "tool_result"}
    assert in_message({"type": "tool_use", "input": {"a": X}}) == {"input.a": "tool_input"}
    assert in_message({"type": "document", "title": X}) == {"title": "document"}
    assert in_message({"type": "text", "text": X}, role="assistant") == {"text": "assistant"}


def test_what_holds_no_text_to_read_is_told() -> None:
    blocks = [
        {"type": "image", "source": {"type": "base64", "data": X}},
        {"type": "document", "source": {"type": "base64", "data": X}},
        {"type": "document", "source": {"type": "file", "file_id": X}},
        {"type": "container_upload", "file_id": X},
        {"type": "tool_result", "content": [{"type": "image", "source": {}}]},
    ]
    read = texts.of_request({"messages": [{"role": "user", "content": blocks}]})
    assert (read.attachments, read.leaves) == (["image", "document", "document", "file", "image"], [])


def test_unknown_blocks_and_fields_are_told_and_read_only_where_wanted() -> None:
    block = {"type": "hologram", "id": X, "text": X, "deep": [{"file_id": X, "note": X, "signature": X}]}
    body = {"messages": [{"role": "user", "content": [block]}], "notes": {"a": X}}
    assert (texts.of_request(body).unknown, found(body)) == (["hologram", "notes"], {})
    assert set(found(body, scans_unknown=True)) == {
        "messages.0.content.0.text",
        "messages.0.content.0.deep.0.note",
        "notes.a",
    }


def test_an_unknown_field_of_a_known_block_is_told_and_read_only_where_wanted() -> None:
    block = {"type": "text", "text": X, "note": [X], "cache_control": {"type": X}}
    body = {"messages": [{"role": "user", "content": [block]}]}
    assert texts.of_request(body).unknown == ["note"]
    assert set(in_message(block)) == {"text"}
    assert set(in_message(block, scans_unknown=True)) == {"text", "note.0"}


@pytest.mark.parametrize("value", [None, 1, "x", [], {}, [1], {"type": 1}, {"type": "text", "text": 1}, {"type": []}])
def test_odd_shapes_are_passed_over(value: Any) -> None:
    body = {"tools": value, "messages": [{"role": "user", "content": [value]}]}
    assert texts.of_request(body).leaves == texts.of_request({"system": [value]}).leaves == []
    for kind in texts._BLOCKS:
        for name in ("content", "source", "input", "citations", "tabs", "title"):
            texts.of_request({"messages": [{"role": "user", "content": [{"type": kind, name: value}]}]})
