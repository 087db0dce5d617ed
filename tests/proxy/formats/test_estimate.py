import json

import pytest

from proxy.formats import estimate
from proxy.formats.document import Document


def tokens(**fields):
    body = {"model": "m", "messages": [{"role": "user", "content": "Hi"}]} | fields
    return estimate.input_tokens(Document.parse(json.dumps(body).encode()))


def content(*blocks):
    return [{"role": "user", "content": list(blocks)}]


def test_a_short_question_costs_a_few_tokens():
    assert 1 <= tokens() <= 10


@pytest.mark.parametrize(
    ("text", "least", "most"),
    [
        ("The quick brown fox jumps over the lazy dog. " * 100, 900, 1400),
        ("def add(left, right):\n    return left + right\n" * 100, 1000, 1700),
        ("Съешь же ещё этих мягких французских булок. " * 100, 1500, 3200),
        ("我能吞下玻璃而不伤身体。" * 100, 900, 1800),
    ],
)
def test_text_is_estimated_by_its_script(text, least, most):
    assert least < tokens(messages=content({"type": "text", "text": text})) < most


def test_text_counts_wherever_the_model_reads_it():
    text = "word " * 700
    for fields in (
        {"system": text},
        {"system": [{"type": "text", "text": text}]},
        {"messages": [{"role": "user", "content": text}]},
        {"messages": content({"type": "tool_result", "tool_use_id": "t", "content": [{"type": "text", "text": text}]})},
        {"messages": content({"type": "tool_use", "id": "t", "name": "n", "input": {"deep": [{"text": text}]}})},
        {
            "messages": content(
                {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": text}}
            )
        },
        {"tools": [{"name": "n", "description": text}]},
    ):
        assert tokens(**fields) > 1000


def test_base64_signatures_and_encrypted_content_are_no_text():
    blob = "QUJD" * 20_000
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": blob}}
    assert tokens(messages=content(image)) - tokens(messages=content()) == 1600
    assert tokens(messages=content({"type": "redacted_thinking", "data": blob})) < 20
    assert tokens(messages=content({"type": "thinking", "thinking": "", "signature": blob})) < 20
    assert tokens(messages=content({"type": "web_search_result", "encrypted_content": blob})) < 20
    in_a_result = {"type": "tool_result", "tool_use_id": "t", "content": [image, image]}
    assert 3200 <= tokens(messages=content(in_a_result)) < 3300


def test_a_file_counts_by_its_size():
    def file(size):
        return {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "A" * size}}

    assert 3000 <= tokens(messages=content(file(1000))) < 3100
    assert tokens(messages=content(file(700_000))) > 15_000


def test_tools_bring_their_schema_and_the_instructions_that_come_with_any_tool():
    tool = {"name": "n", "input_schema": {"type": "object", "properties": {"number": {"type": "integer"}}}}
    assert tokens(tools=[tool]) - tokens() > 346
    assert tokens(tools=[tool] * 2) > tokens(tools=[tool])
    assert tokens(tools=[tool | {"cache_control": {"type": "ephemeral"}}]) == tokens(tools=[tool])


def test_every_valid_request_has_an_estimate():
    odd = {"type": "tomorrow", "a": None, "b": True, "c": 1.5, "d": [1, {"e": "f"}], "input": 10**30, "type2": [[]]}
    tool = {"name": "n", "maximum": 10**30}
    assert tokens(system=None, tools=None, messages=content(odd)) >= 1
    assert tokens(system=[], tools=[tool]) >= 1
