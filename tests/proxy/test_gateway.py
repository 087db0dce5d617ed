"""What a client gets for what it sends: bytes untouched both ways, and refusals in its own terms."""

import base64
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from proxy import gateway as gateway_module
from proxy import pipeline
from proxy.ledger import prices
from tests.bad_upstream import BadUpstream
from tests.proxy import build
from tests.proxy.running import KEY, Gateway, running

ODD = (
    b'{ "model" : "claude-sonnet-5-5",\n\t"max_tokens": 16, "temperature": 1.0, "big": 12345678901234567890,'
    b' "messages":[{"role":"system","content":"\\u00e9\\/"},{"role":"user","content":[{"type":"new_block","x":{}}]}],'
    b' "safeguards":[{"type":"dangerous_tool_use"}] }'
)


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Gateway]:
    async with running(tmp_path) as made:
        yield made


def towards(upstream: BadUpstream, **caller: Any) -> Any:
    return build.caller(upstreams=[build.upstream(base_url=upstream.url)], **caller)


async def echoed(gateway: Gateway, body: Any = ODD, **inbound: Any) -> dict[str, Any]:
    """What the upstream received."""
    answer = await gateway.ask(body, **inbound)
    assert answer.status == 200, answer.body
    seen: dict[str, Any] = answer.json()["echo"]
    return seen


async def test_a_request_that_nothing_edits_is_forwarded_byte_for_byte(gateway: Gateway) -> None:
    async with BadUpstream("echo") as upstream:
        gateway.admit(towards(upstream))
        seen = await echoed(gateway, query=b"beta=true&x=%2F")
    assert base64.b64decode(seen["body"]) == ODD
    assert (seen["method"], seen["target"]) == ("POST", "/v1/messages?beta=true&x=%2F")


async def test_an_alias_edits_the_models_value_and_no_other_byte(gateway: Gateway) -> None:
    async with BadUpstream("echo") as upstream:
        gateway.admit(towards(upstream, model_aliases={"claude-sonnet-5-5": "claude-opus-5-5"}))
        seen = await echoed(gateway)
    assert base64.b64decode(seen["body"]) == ODD.replace(b'"claude-sonnet-5-5"', b'"claude-opus-5-5"')


async def test_anthropics_headers_pass_and_credentials_and_selectors_do_not(gateway: Gateway) -> None:
    sent = [
        (b"anthropic-beta", b"a-2026-01-01,b-2026-02-02"),
        (b"anthropic-something-new", b"1"),
        (b"x-claude-code-session-id", b"s-1"),
        (b"x-stainless-timeout", b"NOT_GIVEN"),
        (b"user-agent", b"claude-cli/2.1.330 (external, cli)"),
        (b"anthropic-workspace-id", b"wrkspc_1"),
        (b"anthropic-organization-id", b"org_1"),
        (b"anthropic-user-profile-id", b"profile_1"),
        (b"cookie", b"sessionid=1"),
        (b"authorization", b"Bearer llmp_test"),
        (b"x-forwarded-for", b"10.0.0.1"),
        (b"x-llmp-dry-run", b"false"),
        (b"accept-encoding", b"gzip, br"),
        (b"host", b"proxy.example"),
    ]
    async with BadUpstream("echo") as upstream:
        gateway.admit(towards(upstream))
        seen = await echoed(gateway, headers=sent)
    headers = dict(seen["headers"])
    for name, value in sent[:5]:
        assert headers[name.decode()] == value.decode()
    assert headers["anthropic-version"] == "2023-06-01"
    assert headers["x-api-key"] == "sk-ant-test"
    assert headers["accept-encoding"] == "identity"
    assert headers["host"].startswith("127.0.0.1")
    assert not {name.decode() for name, _value in sent[5:12]} & set(headers)
    assert "llmp_test" not in json.dumps(seen["headers"])


async def test_a_count_of_tokens_goes_to_the_upstreams_own_address(gateway: Gateway) -> None:
    body = {"model": "claude-sonnet-5-5", "messages": [{"role": "user", "content": "hello"}]}
    async with BadUpstream("echo") as upstream:
        gateway.admit(towards(upstream))
        seen = await echoed(gateway, body, path="/v1/messages/count_tokens", query=b"beta=true")
    assert seen["target"] == "/v1/messages/count_tokens?beta=true"
    (record,) = gateway.records()
    assert record["endpoint"] == "count_tokens"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "malformed JSON"),
        (b"[]", "object"),
        (b'{"model":"a","model":"b"}', "'model' occurs twice"),
        (b'{"model":NaN}', "malformed JSON"),
        (b'{"model":"\xff"}', "malformed JSON"),
        (b"[" * 100_000, "malformed JSON"),
        ({**build.HELLO, "x": {"y": json.loads("[" * 63 + "]" * 63)}}, "nested deeper"),
        ({"max_tokens": 1, "messages": []}, "model"),
        ({"model": "m", "max_tokens": 1}, "messages"),
        ({"model": "m", "messages": [{"role": "user", "content": "x"}]}, "max_tokens"),
        ({**build.HELLO, "max_tokens": "16"}, "max_tokens"),
        ({**build.HELLO, "stream": "yes"}, "stream"),
        ({**build.HELLO, "messages": [{"role": 1, "content": "x"}]}, "messages.0.role"),
    ],
)
async def test_a_bad_body_is_refused_before_anything_is_forwarded(gateway: Gateway, body: Any, words: str) -> None:
    async with BadUpstream("message") as upstream:
        gateway.admit(towards(upstream))
        answer = await gateway.ask(body)
        assert upstream.requests == []
    assert (answer.status, answer.json()["error"]["type"]) == (400, "invalid_request_error")
    assert words in answer.json()["error"]["message"]
    (record,) = gateway.records()
    assert (record["state"], record["status"]) == ("refused", 400)


async def test_a_request_without_a_version_is_refused_as_anthropic_does(gateway: Gateway) -> None:
    async def body() -> bytes:
        return ODD

    inbound = build.inbound(headers=[KEY])
    bare = [header for header in inbound.headers if header[0] != b"anthropic-version"]
    inbound = gateway_module.Inbound(
        "POST", inbound.path, b"", bare, inbound.client_ip, inbound.request_id, inbound.received_at
    )
    reply = await gateway_module.answer(inbound, body, gateway.runtime)
    assert isinstance(reply.body, bytes)
    assert (reply.status, json.loads(reply.body)["error"]["message"]) == (
        400,
        "anthropic-version: header is required",
    )


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/messages"),
        ("POST", "/v1/models"),
        ("POST", "/v1/messages/batches"),
        ("GET", "/v1/messages/batches/batch_1/results"),
        ("POST", "/v1/files"),
        ("GET", "/v1/files/file_1/content"),
        ("POST", "/v1/complete"),
        ("GET", "/v1/organizations/users"),
        ("POST", "/v1/messages/"),
        ("POST", "/v1/Messages"),
        ("POST", "/v1//messages"),
    ],
)
async def test_everything_else_under_v1_is_not_found_in_json(gateway: Gateway, method: str, path: str) -> None:
    answer = await gateway.ask(method=method, path=path)
    assert (answer.status, answer.json()["error"]["type"]) == (404, "not_found_error")
    assert answer.headers["content-type"] == "application/json"


async def test_a_dry_run_shows_what_would_be_sent_and_asks_nobody(gateway: Gateway) -> None:
    async with BadUpstream("message") as upstream:
        gateway.admit(towards(upstream, model_aliases={"claude-sonnet-5-5": "claude-opus-5-5"}))
        answer = await gateway.ask(ODD, headers=[(b"x-llmp-dry-run", b"true")])
        assert upstream.requests == []
    shown = answer.json()
    assert (answer.status, shown["type"]) == (200, "dry_run")
    assert shown["would_send"]["model"] == "claude-opus-5-5" and not shown["would_send"]["is_unchanged"]
    assert shown["would_send"]["body"]["big"] == 12345678901234567890
    assert shown["estimate"]["input_tokens"] > 0
    assert shown["estimate"]["max_cost_nano_usd"] > shown["estimate"]["input_cost_nano_usd"] > 0
    assert [step["step"] for step in shown["steps"]] == [
        "auth",
        "receive",
        "check",
        "access",
        "ownership",
        "routing",
    ]
    (record,) = gateway.records()
    assert (record["state"], record.get("cost_nano_usd", 0)) == ("dry_run", 0)


async def test_a_dry_run_that_is_neither_true_nor_false_is_refused(gateway: Gateway) -> None:
    answer = await gateway.ask(headers=[(b"x-llmp-dry-run", b"maybe")])
    assert (answer.status, answer.json()["error"]["message"]) == (400, "x-llmp-dry-run: must be true or false")


async def test_the_reply_tells_what_the_proxy_did(gateway: Gateway) -> None:
    async with BadUpstream("message") as upstream:
        gateway.admit(build.caller(upstreams=[build.upstream("Größe", base_url=upstream.url)]))
        answer = await gateway.ask()
    assert answer.headers["request-id"] == "req_bad_1"
    assert answer.headers["x-llmp-request-id"] == "req_test"
    assert answer.headers["x-llmp-upstream"] == "Gr%C3%B6%C3%9Fe"
    assert answer.headers["x-llmp-model"] == "claude-sonnet-5-5"
    assert float(answer.headers["x-llmp-overhead-ms"]) < 1000
    for step in ("auth", "receive", "check", "access", "ownership", "routing", "queue", "upstream"):
        assert f"{step};dur=" in answer.headers["server-timing"]


async def test_a_credential_that_cannot_be_read_is_never_replaced_by_none(gateway: Gateway) -> None:
    async with BadUpstream("message") as upstream:
        gateway.admit(build.caller(upstreams=[build.upstream(base_url=upstream.url, credential=None)]))
        answer = await gateway.ask()
        assert upstream.requests == []
    assert (answer.status, answer.headers["x-should-retry"]) == (503, "false")


async def test_a_defect_becomes_an_error_with_an_id_and_nothing_of_its_cause(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(_call: Any) -> None:
        raise ZeroDivisionError("secret cause")

    monkeypatch.setattr(pipeline.access, "check", broken)
    answer = await gateway.ask()
    assert (answer.status, answer.json()["error"]["type"]) == (500, "api_error")
    assert "req_test" in answer.json()["error"]["message"] and b"secret cause" not in answer.body
    assert "request failed by a defect" in caplog.text
    (record,) = gateway.records()
    assert (record["state"], record["status"]) == ("failed", 500)


async def test_a_disk_that_takes_no_record_stops_the_call_before_the_upstream(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_arguments: Any) -> None:
        raise OSError("No space left on device")

    async with BadUpstream("message") as upstream:
        gateway.admit(towards(upstream))
        monkeypatch.setattr(gateway.runtime.journal, "append", full)
        answer = await gateway.ask()
        assert upstream.requests == []
    assert answer.status == 503


async def test_a_call_is_journalled_before_the_upstream_sees_it(gateway: Gateway) -> None:
    kinds: list[str] = []

    def look(_request: httpx.Request) -> httpx.Response:
        kinds.extend(line["kind"] for line in gateway.journal())
        return httpx.Response(200, json={"type": "message", "usage": {"input_tokens": 1, "output_tokens": 1}})

    gateway.runtime.pool.transports["anthropic"] = httpx.MockTransport(look)  # type: ignore[index]
    assert (await gateway.ask()).status == 200
    assert kinds == ["open"]


class TestModels:
    """`GET /v1/models`"""

    @pytest.fixture
    async def gateway(self, tmp_path: Path) -> AsyncIterator[Gateway]:
        simulator = build.upstream("sim", kind="simulator", base_url="http://simulator")
        async with running(tmp_path, caller=build.caller(upstreams=[simulator])) as made:
            yield made

    async def ids(self, gateway: Gateway, query: bytes = b"limit=1000") -> list[str]:
        answer = await gateway.ask(method="GET", path="/v1/models", query=query)
        assert answer.status == 200, answer.body
        return [model["id"] for model in answer.json()["data"]]

    async def test_only_models_that_the_key_may_use_are_listed(self, gateway: Gateway) -> None:
        everything = await self.ids(gateway)
        assert len(everything) > 5
        simulator = build.upstream("sim", kind="simulator", base_url="http://simulator")
        gateway.admit(build.caller(upstreams=[simulator], models=["claude-haiku-*"]))
        assert await self.ids(gateway) == [name for name in everything if name.startswith("claude-haiku-")] != []

    async def test_pages_forwards_and_backwards_cover_the_list(self, gateway: Gateway) -> None:
        everything = await self.ids(gateway)
        forwards: list[str] = []
        query = b"limit=2"
        while True:
            page = (await gateway.ask(method="GET", path="/v1/models", query=query)).json()
            forwards += [model["id"] for model in page["data"]]
            assert (page["first_id"], page["last_id"]) == (page["data"][0]["id"], page["data"][-1]["id"])
            if not page["has_more"]:
                break
            query = b"limit=2&after_id=" + page["last_id"].encode()
        assert forwards == everything
        page = (
            await gateway.ask(method="GET", path="/v1/models", query=b"limit=2&before_id=" + everything[3].encode())
        ).json()
        assert ([model["id"] for model in page["data"]], page["has_more"]) == (everything[1:3], True)

    @pytest.mark.parametrize("query", [b"limit=0", b"limit=1001", b"limit=x", b"after_id=nope", b"before_id=nope"])
    async def test_a_bad_page_is_refused_with_the_field(self, gateway: Gateway, query: bytes) -> None:
        answer = await gateway.ask(method="GET", path="/v1/models", query=query)
        assert answer.status == 400
        assert answer.json()["error"]["message"].startswith(query.split(b"=")[0].decode() + ":")

    async def test_one_model_is_read_by_its_id_and_a_forbidden_one_does_not_exist(self, gateway: Gateway) -> None:
        path = "/v1/models/claude-haiku-5-5"
        assert (await gateway.ask(method="GET", path=path)).json()["id"] == "claude-haiku-5-5"
        simulator = build.upstream("sim", kind="simulator", base_url="http://simulator")
        gateway.admit(build.caller(upstreams=[simulator], models=["claude-opus-*"]))
        forbidden = await gateway.ask(method="GET", path=path)
        unknown = await gateway.ask(method="GET", path="/v1/models/claude-haiku-0")
        assert (forbidden.status, unknown.status) == (404, 404)
        assert forbidden.json()["error"]["type"] == unknown.json()["error"]["type"] == "not_found_error"

    async def test_aliases_are_listed_by_the_names_clients_use(self, gateway: Gateway) -> None:
        simulator = build.upstream(
            "sim", kind="simulator", base_url="http://simulator", model_aliases={"house-opus": "claude-opus-5-5"}
        )
        gateway.admit(build.caller(upstreams=[simulator], model_aliases={"fast": "claude-haiku-5-5"}))
        names = await self.ids(gateway)
        assert "fast" in names and "house-opus" in names and "claude-opus-5-5" not in names

    async def test_an_upstream_that_cannot_list_is_known_by_its_literal_names(self, gateway: Gateway) -> None:
        async with BadUpstream("html_502") as upstream:
            rules = build.upstream(base_url=upstream.url, models=["llama-3", "claude-*"])
            gateway.admit(build.caller(upstreams=[rules]))
            assert await self.ids(gateway) == ["llama-3"]
            await self.ids(gateway)
            assert len(upstream.requests) == 1

    async def test_a_key_without_the_scope_may_not_list(self, gateway: Gateway) -> None:
        gateway.admit(build.caller(scopes=["messages"]))
        answer = await gateway.ask(method="GET", path="/v1/models")
        assert answer.status == 403


async def test_a_model_without_a_price_is_charged_the_default_tier_and_the_reply_says_so(gateway: Gateway) -> None:
    gateway.admit(build.caller(upstreams=[build.upstream(kind="simulator")]))
    answer = await gateway.ask()  # no price is known here at all
    assert answer.headers["x-llmp-price-warning"].startswith("no price is known")
    [record] = gateway.records()
    assert record["is_price_default"] and record["cost_nano_usd"] > 0
    assert {"step": "price", "is_default": True, "model": "claude-sonnet-5-5"}.items() <= next(
        step for step in record["trace"] if step["step"] == "price"
    ).items()
    rate = prices.Rate("claude-*", datetime(2026, 1, 1, tzinfo=UTC), 0, prices.Quote(1, False, 1, 1, 1, 1, 1))
    gateway.runtime.directory.prices = prices.PriceBook([rate])
    assert "x-llmp-price-warning" not in (await gateway.ask()).headers
