import json
from typing import Any

import httpx
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.formats import estimate
from proxy.formats.document import Document
from proxy.simulator import service
from proxy.simulator.catalogue import MODELS
from proxy.simulator.transport import SimulatorTransport
from tests.proxy.simulator.asking import VERSION, ask, body, parse, post

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
BLOCKS = st.fixed_dictionaries(
    {"type": st.sampled_from(["text", "image", "document", "search_result", "tool_use", "tool_result", "thinking"])},
    optional=dict.fromkeys(("text", "source", "content", "citations", "cache_control", "signature", "input"), JSON),
)
FIELDS = ("system", "tools", "tool_choice", "thinking", "output_config", "stop_sequences", "stream", "cache_control")


async def _get(path: str) -> httpx.Response:
    async with httpx.AsyncClient(transport=SimulatorTransport(), base_url="http://simulator") as client:
        return await client.get(path, headers=VERSION)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model": None}, "model: Input should be a valid string"),
        ({"max_tokens": "9"}, "max_tokens: Input should be a valid integer"),
        ({"max_tokens": True}, "max_tokens: Input should be a valid integer"),
        ({"max_tokens": -1}, "max_tokens: Input should be greater than or equal to 0"),
        ({"messages": []}, "messages: at least one message is required"),
        ({"messages": ["hi"]}, "messages.0: Input should be an object"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages.0.role"),
        ({"messages": [{"role": "user"}]}, "messages.0.content"),
        ({"messages": [{"role": "user", "content": [{"text": "x"}]}]}, "messages.0.content.0.type"),
        ({"messages": [{"role": "user", "content": [{"type": "text"}]}]}, "messages.0.content.0.text"),
        ({"tools": 7}, "tools: Input should be a valid list"),
        ({"tools": [7]}, "tools.0: Input should be an object"),
        ({"system": 7}, "system: Input should be a valid string or list"),
    ],
)
async def test_wrong_requests_are_refused_with_the_fields_name(changes: dict[str, Any], message: str) -> None:
    response = await post({**body(), **changes})
    assert response.status_code == 400
    assert response.json()["error"]["type"] == "invalid_request_error"
    assert response.json()["error"]["message"].startswith(message)
    assert response.json()["request_id"] == response.headers["request-id"]


@pytest.mark.parametrize("name", ["model", "messages", "max_tokens"])
async def test_missing_fields_are_named(name: str) -> None:
    response = await post({key: value for key, value in body().items() if key != name})
    assert (response.status_code, response.json()["error"]["message"]) == (400, f"{name}: Field required")


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b"\xff", b'{"model":"\\ud800"}', b"[" * 5000])
async def test_what_is_no_json_object_is_refused(raw: bytes) -> None:
    assert (await post(raw)).status_code == 400


async def test_a_body_nested_too_deeply_is_refused() -> None:
    deep = b'{"model":"m","max_tokens":9,"messages":[{"role":"user","content":[{"type":"x","y":%b%b}]}]}'
    assert (await post(deep % (b"[" * 600, b"]" * 600))).status_code == 400


async def test_a_body_over_the_limit_is_refused() -> None:
    response = await post(b" " * (service.MAX_BODY_BYTES + 1))
    assert (response.status_code, response.json()["error"]["type"]) == (413, "request_too_large")


@given(
    blocks=st.lists(BLOCKS, min_size=1, max_size=3), fields=st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=1)
)
async def test_any_request_is_answered_or_refused(blocks: list[Any], fields: dict[str, Any]) -> None:
    messages: list[Any] = [{"role": "user", "content": "a"}, {"role": "assistant", "content": blocks}]
    messages.append({"role": "user", "content": [*blocks, {"type": "text", "text": "#simulate cite"}]})
    raw = json.dumps({**body(messages=messages), **fields}).encode()
    assert (await post(raw)).status_code in (200, 400)


async def test_the_version_header_is_required_and_checked() -> None:
    missing, wrong = await post(body(), headers={}), await post(body(), headers={"anthropic-version": "2020-01-01"})
    assert (missing.status_code, wrong.status_code) == (400, 400)
    assert missing.json()["error"]["message"] == "anthropic-version: header is required"


async def test_the_newest_version_refuses_what_it_no_longer_takes() -> None:
    newest = {"anthropic-version": "2026-10-21"}
    document = [{"type": "document", "source": {}}]
    cited = [{"type": "text", "text": "x", "citations": [{"type": "char_location"}]}]
    for wrong in (
        body(temperature=1.0),
        body(messages=[{"role": "assistant", "content": document}]),
        body(messages=[{"role": "user", "content": cited}]),
    ):
        assert (await post(wrong, headers=newest)).status_code == 400
        assert (await post(wrong)).status_code == 200
    assert (await post(body(), headers=newest)).status_code == 200


async def test_a_credential_is_asked_for_where_it_is_wanted() -> None:
    transport = SimulatorTransport(requires_key=True)
    async with httpx.AsyncClient(transport=transport, base_url="http://simulator") as client:
        statuses = [
            (await client.post("/v1/messages", json=body(), headers={**VERSION, **key})).status_code
            for key in ({}, {"x-api-key": "k"}, {"authorization": "Bearer k"})
        ]
    assert statuses == [401, 200, 200]


async def test_threads_are_refused_so_that_an_sdk_sends_the_whole_conversation() -> None:
    response = await post(body(thread={"type": "create"}))
    assert response.status_code == 400
    assert response.json()["error"]["details"] == {"error_code": "thread_unsupported_request", "unsupported": []}


async def test_unknown_paths_and_methods_are_refused() -> None:
    assert (await post(body(), path="/v1/complete")).status_code == 404
    assert (await _get("/")).json()["error"]["type"] == "not_found_error"
    assert (await _get("/v1/messages")).status_code == 405
    assert (await post(body(), path="/v1/messages?beta=true")).status_code == 200


MARK = {"type": "ephemeral"}
MARKED = [
    {"type": "text", "text": "a" * 400, "cache_control": {**MARK, "ttl": "1h"}},
    {"type": "text", "text": "b" * 200, "cache_control": MARK},
    {"type": "text", "text": "c" * 80},
]


async def test_counting_agrees_with_the_usage_of_the_answer_and_the_proxys_estimate() -> None:
    request = body(MARKED, system="Be brief.", tools=[{"name": "t", "input_schema": {}}])
    counted = (await post(request, path="/v1/messages/count_tokens")).json()["input_tokens"]
    usage = (await post(request)).json()["usage"]
    assert counted == usage["input_tokens"] + usage["cache_creation_input_tokens"]
    assert counted == estimate.input_tokens(Document.parse(orjson.dumps(request)))


async def test_marked_prefixes_count_as_written_by_their_time_to_live() -> None:
    usage = (await ask(MARKED))["usage"]
    written = usage["cache_creation"]
    assert written["ephemeral_1h_input_tokens"] > written["ephemeral_5m_input_tokens"] > usage["input_tokens"] > 0
    assert usage["cache_creation_input_tokens"] == sum(written.values())
    assert usage["cache_read_input_tokens"] == 0
    assert (await ask(MARKED[:2]))["usage"]["input_tokens"] == 0
    assert (await ask(MARKED[2:]))["usage"]["cache_creation_input_tokens"] == 0


@pytest.mark.parametrize("fields", [{}, {"cache_control": {**MARK, "ttl": "1h"}}])
async def test_a_mark_on_the_whole_request_covers_it(fields: dict[str, Any]) -> None:
    usage = (await ask(**fields))["usage"]
    assert (usage["input_tokens"] == 0) is bool(fields)
    assert (usage["cache_creation"]["ephemeral_1h_input_tokens"] > 0) is bool(fields)


async def test_counting_needs_no_max_tokens() -> None:
    request = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
    assert (await post(request, path="/v1/messages/count_tokens")).json()["input_tokens"] > 0


async def test_a_marked_prefix_can_count_as_read() -> None:
    written = (await ask([*MARKED[:2], {"type": "text", "text": "#simulate cache=write"}]))["usage"]
    read = (await ask([*MARKED[:2], {"type": "text", "text": "#simulate cache=read "}]))["usage"]
    assert read["cache_read_input_tokens"] == written["cache_creation_input_tokens"] > 0
    assert read["cache_creation_input_tokens"] == sum(read["cache_creation"].values()) == 0


async def test_answers_carry_rate_limits_and_a_request_id() -> None:
    first, second = await post(body()), await post(body())
    assert first.headers["request-id"] != second.headers["request-id"]
    for kind in ("requests", "tokens", "input-tokens", "output-tokens"):
        for name in ("limit", "remaining", "reset"):
            assert f"anthropic-ratelimit-{kind}-{name}" in first.headers


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, "invalid_request_error"),
        (401, "authentication_error"),
        (403, "permission_error"),
        (404, "not_found_error"),
        (413, "request_too_large"),
        (418, "invalid_request_error"),
        (429, "rate_limit_error"),
        (500, "api_error"),
        (503, "api_error"),
        (529, "overloaded_error"),
    ],
)
async def test_any_error_can_be_asked_for(status: int, kind: str) -> None:
    for is_streaming in (False, True):
        response = await post(body(f"#simulate error={status} retry_after=2 should_retry=false", stream=is_streaming))
        assert (response.status_code, response.json()["error"]["type"]) == (status, kind)
        assert (response.headers["retry-after"], response.headers["x-should-retry"]) == ("2", "false")


async def test_an_errors_type_and_message_can_be_asked_for() -> None:
    text = '#simulate error=400 error_type=billing_error message="prompt is too long: 9 tokens > 8 maximum"'
    assert (await post(body(text))).json()["error"] == {
        "type": "billing_error",
        "message": "prompt is too long: 9 tokens > 8 maximum",
    }


async def test_an_error_after_some_tokens_is_an_event_of_a_stream_and_a_status_otherwise() -> None:
    text = "#simulate error=529 after=3"
    events = parse((await post(body(text, stream=True))).text)
    assert [name for name, _ in events].count("content_block_delta") == 3
    assert events[-1][0] == "error" and events[-1][1]["error"]["type"] == "overloaded_error"
    assert (await post(body(text))).status_code == 529


@pytest.mark.parametrize("after", [0, 1000])
async def test_an_error_comes_first_or_last_where_there_are_too_few_tokens(after: int) -> None:
    events = parse((await post(body(f"#simulate error=500 after={after}", stream=True))).text)
    names = [name for name, _ in events]
    assert names[-1] == "error" and "message_stop" not in names
    assert ("content_block_delta" in names) is bool(after)


async def test_models_are_listed_in_pages() -> None:
    ids = list(MODELS)
    everything = (await _get("/v1/models")).json()
    assert [model["id"] for model in everything["data"]] == ids and everything["has_more"] is False
    page = (await _get(f"/v1/models?limit=2&after_id={ids[0]}")).json()
    assert [model["id"] for model in page["data"]] == ids[1:3]
    assert (page["has_more"], page["first_id"], page["last_id"]) == (True, ids[1], ids[2])
    before = (await _get(f"/v1/models?limit=2&before_id={ids[3]}")).json()
    assert [model["id"] for model in before["data"]] == ids[1:3] and before["has_more"] is True
    last = (await _get(f"/v1/models?after_id={ids[-1]}")).json()
    assert last == {"data": [], "has_more": False, "first_id": None, "last_id": None}


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=1001", "limit=x", "limit=%C2%B2", "after_id=none", "before_id=none"]
)
async def test_wrong_pages_are_refused(query: str) -> None:
    assert (await _get(f"/v1/models?{query}")).status_code == 400


async def test_one_model_is_shown_in_full() -> None:
    model = (await _get("/v1/models/claude-opus-5-5")).json()
    assert (model["type"], model["display_name"], model["line"]) == ("model", "Claude Opus 5.5", "opus")
    assert model["max_input_tokens"] == 1_000_000 and model["capabilities"]["thinking"]["supported"] is True
    assert (await _get("/v1/models/gpt")).json()["error"] == {"type": "not_found_error", "message": "model: gpt"}
