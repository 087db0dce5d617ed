"""Anthropic's own SDKs against a running server: what works with Anthropic works here, in every major version."""

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.journeys.clients import installs
from tests.journeys.clients.driver import Driver, Raised
from tests.journeys.clients.wire import Wire
from tests.journeys.conftest import Account
from tests.journeys.server import Server

SDKS = [*(f"python-{v}" for v in installs.PYTHON_SDKS), *(f"typescript-{v}" for v in installs.TYPESCRIPT_SDKS)]
MODEL = "claude-sonnet-5-5"
# They send the version of 2026-10-21, the key as a Bearer token even where it is an `api_key`, and threads.
NEWEST = {"python-2.13.0", "typescript-1.13.0"}
WEATHER = {
    "name": "weather",
    "description": "The weather of a city.",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}

pytestmark = [pytest.mark.clients, pytest.mark.xdist_group("clients-sdk")]


@pytest.fixture(params=SDKS)
def sdk(request: pytest.FixtureRequest, drivers: Callable[[str], Driver]) -> Driver:
    return drivers(request.param)


@pytest.fixture
def client(wire: Wire, account: Account) -> dict[str, Any]:
    """The options of a client with a good key."""
    return {"base_url": wire.url, "api_key": account.key}


def question(text: str, **fields: Any) -> dict[str, Any]:
    """The parameters of a call."""
    return {"model": MODEL, "max_tokens": 512, "messages": [{"role": "user", "content": text}], **fields}


def refused(sdk: Driver, verb: str, client: dict[str, Any], **arguments: Any) -> Raised:
    """What the SDK raises."""
    with pytest.raises(Raised) as caught:
        sdk.do(verb, client, **arguments)
    return caught.value


def bodies(wire: Wire) -> Iterator[Any]:
    return (json.loads(request.body) for request in wire.requests)


# Answers


def test_a_question_is_answered_with_its_usage_and_request_id(sdk: Driver, client: dict[str, Any], wire: Wire) -> None:
    given = sdk.do("create", client, params=question("hello"), headers={})
    assert given["message"]["content"][0]["text"].endswith("You wrote: hello")
    assert given["message"]["stop_reason"] == "end_turn"
    assert given["message"]["usage"]["input_tokens"] > 0
    assert given["message"]["usage"]["output_tokens"] > 0
    assert given["request_id"] == wire.replies[0].headers["request-id"]
    assert len(wire.requests) == 1


def test_a_stream_adds_up_to_the_same_message_with_the_same_usage(sdk: Driver, client: dict[str, Any]) -> None:
    params = question("hello\n#simulate tokens=40")
    whole = sdk.do("create", client, params=params, headers={})["message"]
    given = sdk.do("stream", client, params=params, headers={})
    assert given["text"] == whole["content"][0]["text"]
    assert given["message"]["content"][0]["text"] == whole["content"][0]["text"]
    for name in ("input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens"):
        assert given["message"]["usage"][name] == whole["usage"][name], name
    assert given["message"]["usage"]["output_tokens"] == 40
    assert given["request_id"].startswith("req_")


def test_a_streams_events_come_in_anthropics_order(sdk: Driver, client: dict[str, Any]) -> None:
    types = sdk.do("events", client, params=question("#simulate tokens=3"))
    assert types == [
        "message_start",
        "content_block_start",
        *["content_block_delta"] * 3,
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]


def test_many_calls_at_once_are_all_answered(sdk: Driver, client: dict[str, Any]) -> None:
    ids = sdk.do("many", client, params=question("#simulate tokens=5 delay_ms=10"), times=20)
    assert len(set(ids)) == 20


def test_tokens_are_counted_as_they_are_used(sdk: Driver, client: dict[str, Any]) -> None:
    params = question("How long is this?", system="Be brief.", tools=[WEATHER])
    usage = sdk.do("create", client, params=params, headers={})["message"]["usage"]
    del params["max_tokens"]
    assert sdk.do("count", client, params=params) == [usage["input_tokens"]] * 2


def test_models_are_listed_page_by_page_and_read_one_by_one(sdk: Driver, client: dict[str, Any], wire: Wire) -> None:
    at_once = sdk.do("models", client, limit=1000)
    assert MODEL in at_once and len(set(at_once)) == len(at_once) > 5
    wire.clear()
    assert sdk.do("models", client, limit=5) == at_once
    assert len(wire.requests) == -(-len(at_once) // 5)
    assert sdk.do("model", client, id=MODEL)["display_name"] == "Claude Sonnet 5.5"


@pytest.mark.parametrize("is_streaming", [False, True], ids=["whole", "streamed"])
def test_tools_and_signed_thinking_make_the_round_trip_byte_for_byte(
    sdk: Driver, client: dict[str, Any], wire: Wire, is_streaming: bool
) -> None:
    asked = question(
        'Weather?\n#simulate thinking=9 redacted script=[{"tool": "weather", "input": {"city": "Zürich 🙂"}}, {}]',
        tools=[WEATHER],
        max_tokens=4096,
        thinking={"type": "adaptive"},
    )
    heard = sdk.do("converse", client, params=asked, is_streaming=is_streaming, then="Thank you.")
    assert [message["stop_reason"] for message in heard] == ["tool_use", "end_turn", "end_turn"]
    call = next(block for block in heard[0]["content"] if block["type"] == "tool_use")
    assert call["input"] == {"city": "Zürich 🙂"}
    first, second, third = bodies(wire)
    assert second["messages"][2]["content"][0]["tool_use_id"] == call["id"]
    signed = [block for block in heard[0]["content"] if "thinking" in block["type"]]
    assert [block["type"] for block in signed] == ["thinking", "redacted_thinking"]
    for later in (second, third):
        returned = [block for block in later["messages"][1]["content"] if "thinking" in block["type"]]
        assert returned == signed  # the simulator, like Anthropic, refuses a signed block that came back altered


@pytest.mark.parametrize("verb", ["create", "stream"])
def test_citations_are_read(sdk: Driver, client: dict[str, Any], verb: str) -> None:
    document = {
        "type": "document",
        "title": "Sky",
        "source": {"type": "text", "media_type": "text/plain", "data": "The sky is blue. Grass is green."},
        "citations": {"enabled": True},
    }
    content = [document, {"type": "text", "text": "What colour?\n#simulate cite"}]
    asked = question("", messages=[{"role": "user", "content": content}])
    message = sdk.do(verb, client, params=asked, headers={})["message"]
    cited = [citation for block in message["content"] for citation in block.get("citations") or ()]
    assert [(c["type"], c["cited_text"], c["document_title"]) for c in cited] == [
        ("char_location", "The sky is blue.", "Sky")
    ]


# Credentials and addresses


def test_each_major_sends_its_key_and_version_in_its_own_way(sdk: Driver, client: dict[str, Any], wire: Wire) -> None:
    sdk.do("create", client, params=question("hello"), headers={})
    headers = wire.requests[0].headers
    is_newest = sdk.name in NEWEST
    assert headers["anthropic-version"] == ("2026-10-21" if is_newest else "2023-06-01")
    assert ("authorization" in headers, "x-api-key" in headers) == (is_newest, not is_newest)


def test_an_auth_token_works_on_every_path(sdk: Driver, wire: Wire, account: Account) -> None:
    client = {"base_url": wire.url, "auth_token": account.key}
    sdk.do("create", client, params=question("hello"), headers={})
    sdk.do("models", client, limit=1000)
    sdk.do("count", client, params={"model": MODEL, "messages": question("hello")["messages"]})
    assert {request.headers["authorization"] for request in wire.requests} == {f"Bearer {account.key}"}


@pytest.mark.parametrize("name", ["ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN"])
def test_address_and_key_come_from_the_environment(sdk: Driver, wire: Wire, account: Account, name: str) -> None:
    client = {"env": {"ANTHROPIC_BASE_URL": wire.url, name: account.key}}
    assert sdk.do("stream", client, params=question("hello"), headers={})["text"].endswith("You wrote: hello")
    assert len(wire.requests) == 1


# Refusals: the SDK raises what it raises for Anthropic, and repeats only what is worth repeating


@pytest.mark.parametrize("verb", ["create", "stream"])
def test_a_wrong_key_is_an_authentication_error_and_asked_once(sdk: Driver, wire: Wire, verb: str) -> None:
    client = {"base_url": wire.url, "api_key": "llmp_" + "0" * 36}
    raised = refused(sdk, verb, client, params=question("hello"), headers={})
    assert (raised.classes[0], raised.status) == ("AuthenticationError", 401)
    assert raised.body["error"] == {"type": "authentication_error", "message": "invalid x-api-key"}
    assert raised.request_id == wire.replies[0].headers["request-id"]
    assert len(wire.requests) == 1


@pytest.fixture(scope="module")
def revoked_key(server: Server, account: Account) -> str:
    server.manage("revoke_key", account.slug, "spare")
    time.sleep(1)  # by then every process knows
    return account.spare_key


def test_a_revoked_key_is_an_authentication_error_and_asked_once(sdk: Driver, wire: Wire, revoked_key: str) -> None:
    raised = refused(sdk, "create", {"base_url": wire.url, "api_key": revoked_key}, params=question("hi"), headers={})
    assert (raised.classes[0], raised.body["error"]["message"]) == ("AuthenticationError", "invalid x-api-key")
    assert len(wire.requests) == 1


def test_a_model_that_the_key_may_not_use_is_a_permission_error(sdk: Driver, wire: Wire, account: Account) -> None:
    client = {"base_url": wire.url, "api_key": account.haiku_key}
    raised = refused(sdk, "create", client, params=question("hello"), headers={})
    assert (raised.classes[0], raised.status) == ("PermissionDeniedError", 403)
    assert MODEL in raised.message
    assert len(wire.requests) == 1
    assert sdk.do("create", client, params=question("hello", model="claude-haiku-5-5"), headers={})


def test_an_unknown_model_is_not_found(sdk: Driver, client: dict[str, Any], wire: Wire) -> None:
    raised = refused(sdk, "create", client, params=question("hello", model="gpt-9"), headers={})
    assert (raised.classes[0], raised.body["error"]["type"]) == ("NotFoundError", "not_found_error")
    assert "gpt-9" in raised.message
    assert refused(sdk, "model", client, id="gpt-9").classes[0] == "NotFoundError"
    assert len(wire.requests) == 2


def test_a_bad_request_names_the_field(sdk: Driver, client: dict[str, Any], wire: Wire) -> None:
    asked = question("", messages=[{"role": "user"}])
    raised = refused(sdk, "create", client, params=asked, headers={})
    assert (raised.classes[0], raised.body["error"]["type"]) == ("BadRequestError", "invalid_request_error")
    assert raised.body["error"]["message"] == "messages.0.content: Field required"
    assert len(wire.requests) == 1


@pytest.mark.parametrize("verb", ["batches", "files"])
def test_what_the_upstreams_organisation_holds_is_not_found(
    sdk: Driver, client: dict[str, Any], wire: Wire, verb: str
) -> None:
    raised = refused(sdk, verb, client)
    assert (raised.classes[0], raised.status) == ("NotFoundError", 404)
    assert "not served by this gateway" in raised.message
    assert len(wire.requests) == 1


# The upstream's own errors


@pytest.mark.parametrize(("status", "kind"), [(429, "RateLimitError"), (529, "OverloadedError")])
def test_what_the_upstream_cannot_do_now_is_repeated_when_it_says(
    sdk: Driver, client: dict[str, Any], wire: Wire, status: int, kind: str
) -> None:
    text = f"#simulate error={status} retry_after=0.3 message=busy"
    raised = refused(sdk, "create", {**client, "max_retries": 1}, params=question(text), headers={})
    assert raised.classes[0] in {kind, "InternalServerError"}  # the TypeScript SDK has no class for 529
    assert (raised.status, raised.body["error"]["message"]) == (status, "busy")
    first, second = (request.received_at for request in wire.requests)
    assert second - first >= 0.25
    assert [request.headers["x-stainless-retry-count"] for request in wire.requests] == ["0", "1"]


def test_an_error_in_a_stream_is_raised_and_not_repeated(sdk: Driver, client: dict[str, Any], wire: Wire) -> None:
    asked = question("#simulate tokens=20 error=529 after=5")
    raised = refused(sdk, "stream", client, params=asked, headers={})
    assert "APIStatusError" in raised.classes or "APIError" in raised.classes
    assert raised.body["error"]["type"] == "overloaded_error"
    assert len(wire.requests) == 1


def test_a_stream_that_breaks_off_is_raised_and_not_taken_for_an_answer(
    sdk: Driver, client: dict[str, Any], wire: Wire
) -> None:
    raised = refused(sdk, "stream", client, params=question("#simulate tokens=20 cut=5"), headers={})
    assert raised.body["error"]["type"] == "api_error"
    assert len(wire.requests) == 1


# Threads


def test_tool_runners_fall_back_from_threads_to_whole_conversations_by_themselves(
    sdk: Driver, client: dict[str, Any], wire: Wire
) -> None:
    calls = [{"tool": "add", "input": {"a": 2, "b": 3}}, {"tool": "add", "input": {"a": 5, "b": 5}}, {}]
    heard = sdk.do("run_tools", client, params=question(f"Add.\n#simulate script={json.dumps(calls)}"))
    assert [message["stop_reason"] for message in heard] == ["tool_use", "tool_use", "end_turn"]
    asked, replies = list(bodies(wire)), wire.replies
    if sdk.name in NEWEST:
        assert asked.pop(0)["thread"] == {"type": "create"}
        error = json.loads(replies.pop(0).body)["error"]
        assert error["details"] == {"error_code": "thread_unsupported_request", "unsupported": []}
    assert [reply.status for reply in replies] == [200, 200, 200]
    assert all("thread" not in body for body in asked)
    assert [len(body["messages"]) for body in asked] == [1, 3, 5]
    assert asked[2]["messages"][4]["content"][0]["content"] == "10"


# The proxy's own


def test_a_dry_run_says_what_would_be_sent(sdk: Driver, client: dict[str, Any], wire: Wire) -> None:
    report = sdk.do("raw", client, params=question("hello"), headers={"x-llmp-dry-run": "true"})["body"]
    assert report["type"] == "dry_run"
    assert report["would_send"]["is_unchanged"] is True
    assert report["would_send"]["body"] == json.loads(wire.requests[0].body)


def test_headers_say_what_the_proxy_did(sdk: Driver, client: dict[str, Any]) -> None:
    headers = sdk.do("raw", client, params=question("hello"), headers={})["headers"]
    assert headers["x-llmp-upstream"] == "main"
    assert "anthropic-ratelimit-requests-remaining" in headers
    assert "upstream;dur=" in headers["server-timing"]
