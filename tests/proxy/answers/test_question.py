"""Two requests share an answer only where nothing in them could make the model answer differently."""

import copy
from typing import Any
from uuid import UUID

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.answers import question
from proxy.answers.question import Setting

SETTING = Setting(
    tenant_id=UUID(int=1),
    upstream_kind="anthropic",
    upstream_id=UUID(int=2),
    model="claude-sonnet-5-5",
    version="2023-06-01",
    betas=("a-1", "b-2"),
    policy=b"7",
)
BODY: dict[str, Any] = {
    "model": "claude-sonnet-5-5",
    "max_tokens": 100,
    "system": [{"type": "text", "text": "Be brief."}],
    "messages": [{"role": "user", "content": "Who is [PERSON_7K2M9QXA]? Ask [PERSON_00000000]."}],
    "tools": [{"name": "look", "input_schema": {"type": "object", "properties": {"a": {}, "b": {}}}}],
    "metadata": {"user_id": "u1"},
    "temperature": 0.5,
}


def own(*codes: str) -> question.IsPlaceholder:
    return lambda _kind, code: code in codes


def key(body: dict[str, Any], setting: Setting = SETTING, *codes: str) -> bytes:
    return question.of(body, setting, b"secret", own(*codes)).key


def changed(path: tuple[str | int, ...], value: Any) -> dict[str, Any]:
    body = copy.deepcopy(BODY)
    at: Any = body
    for step in path[:-1]:
        at = at[step]
    at[path[-1]] = value
    return body


def test_what_cannot_change_the_answer_does_not_change_the_key() -> None:
    same = dict(reversed(BODY.items())) | {"metadata": {"user_id": "another"}, "stream": True}
    same["system"] = [{"type": "text", "text": "x-anthropic-billing-header: cc_version=2.1"}, *BODY["system"]]
    assert key(same) == key(BODY)
    assert key(BODY, Setting(**{**_fields(SETTING), "betas": ("b-2", "a-1", "a-1")})) == key(BODY)


def _fields(setting: Setting) -> dict[str, Any]:
    return {name: getattr(setting, name) for name in Setting.__slots__}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("max_tokens",), 101),
        (("system", 0, "text"), "Be brief"),
        (("system",), "Be brief."),
        (("messages", 0, "content"), "Who is [PERSON_7K2M9QXA]?"),
        (("messages", 0, "role"), "assistant"),
        (("tools", 0, "name"), "Look"),
        (("tools", 0, "input_schema", "properties"), {"b": {}, "a": {}}),
        (("temperature",), 0.6),
        (("temperature",), None),
        (("top_k",), 1),
        (("field_of_a_later_version",), False),
    ],
)
def test_anything_the_model_reads_changes_the_key(path: tuple[str | int, ...], value: Any) -> None:
    assert key(changed(path, value)) != key(BODY)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("tenant_id", UUID(int=9)),
        ("upstream_kind", "simulator"),
        ("upstream_id", UUID(int=9)),
        ("model", "claude-opus-5-5"),
        ("version", "2026-10-21"),
        ("betas", ("a-1",)),
        ("betas", ("a-1", "b-", "2")),
        ("query", b"beta=true"),
        ("policy", b"8"),
    ],
)
def test_anything_around_the_body_changes_the_key(name: str, value: Any) -> None:
    assert key(BODY, Setting(**{**_fields(SETTING), name: value})) != key(BODY)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(["a", "b", "messages", "model"]), JSON), JSON)
def test_no_two_different_bodies_have_the_same_key(body: dict[str, Any], other: Any) -> None:
    varied = {**body, "messages": other}
    is_same = orjson.dumps(dict(sorted(varied.items()))) == orjson.dumps(dict(sorted(body.items())))
    assert (key(varied) == key(body)) == is_same


@given(st.text(max_size=5), st.text(min_size=1, max_size=5))
def test_parts_do_not_run_into_each_other(text: str, more: str) -> None:
    one = Setting(**{**_fields(SETTING), "model": text, "version": more})
    two = Setting(**{**_fields(SETTING), "model": text + more, "version": ""})
    assert key(BODY, one) != key(BODY, two)


def test_requests_that_differ_in_names_only_are_one_question() -> None:
    other = changed(("messages", 0, "content"), "Who is [PERSON_AAAAAAAA]? Ask [PERSON_BBBBBBBB].")
    mine = question.of(BODY, SETTING, b"secret", own("7K2M9QXA", "00000000"))
    theirs = question.of(other, SETTING, b"secret", own("AAAAAAAA", "BBBBBBBB"))
    assert mine.key == theirs.key
    assert theirs.placeholders == (b"[PERSON_AAAAAAAA]", b"[PERSON_BBBBBBBB]")


def test_who_is_who_stays_part_of_the_question() -> None:
    same_person_twice = changed(("messages", 0, "content"), "Who is [PERSON_AAAAAAAA]? Ask [PERSON_AAAAAAAA].")
    another_type = changed(("messages", 0, "content"), "Who is [PERSON_AAAAAAAA]? Ask [CITY_BBBBBBBB].")
    codes = ("7K2M9QXA", "00000000", "AAAAAAAA", "BBBBBBBB")
    keys = {key(body, SETTING, *codes) for body in (BODY, same_person_twice, another_type)}
    assert len(keys) == 3


def test_text_that_only_looks_like_a_placeholder_counts_as_written() -> None:
    other = changed(("messages", 0, "content"), "Who is [PERSON_AAAAAAAA]? Ask [PERSON_BBBBBBBB].")
    assert key(BODY) != key(other)


def test_a_key_cannot_be_made_without_the_secret() -> None:
    assert question.of(BODY, SETTING, b"other", own()).key != key(BODY)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({}, ""),
        ({"container": "c"}, "state of its own"),
        ({"thread": {"id": "t"}}, "state of its own"),
        ({"mcp_servers": [{"url": "https://a"}]}, "state of its own"),
        ({"mcp_servers": []}, ""),
        ({"tools": [{"type": "web_search_20260209", "name": "web_search"}]}, "server tools"),
        ({"tools": [{"type": "custom", "name": "mine", "input_schema": {}}]}, ""),
        ({"messages": [{"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t"}]}]}, "tool results"),
    ],
)
def test_what_depends_on_more_than_the_request_is_not_kept(change: dict[str, Any], reason: str) -> None:
    body = {**BODY, **change}
    assert question.why_not(body, keeps_tool_results=False, keeps_sampled=True) == reason


def test_what_may_be_kept_can_be_widened_and_narrowed() -> None:
    result = {**BODY, "messages": [{"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t"}]}]}
    assert question.why_not(result, keeps_tool_results=True, keeps_sampled=True) == ""
    assert question.why_not(BODY, keeps_tool_results=False, keeps_sampled=False) == "sampled"
    assert question.why_not({**BODY, "temperature": 0}, keeps_tool_results=False, keeps_sampled=False) == ""
