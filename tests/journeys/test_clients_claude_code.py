"""Claude Code against a running server: print mode, its tools, its credentials, and what it makes of refusals."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import bad_scenarios
from tests.bad_scenarios import Reader, Request, Writer
from tests.bad_upstream import BadUpstream
from tests.journeys.clients import installs
from tests.journeys.clients.claude import Claude
from tests.journeys.clients.wire import Wire
from tests.journeys.conftest import Account
from tests.journeys.server import Server

WRONG_KEY = "llmp_" + "0" * 36
_RECORDS = """
import json, time
from proxy.models import UsageRecord
for _ in range(100):
    rows = list(UsageRecord.objects.filter(session_id={session!r}).order_by("started_at"))
    if len(rows) >= {count} and all(row.state != "started" for row in rows):
        break
    time.sleep(0.1)
fields = ("state", "status", "session_id", "agent_id", "user_agent", "model_asked", "key_name", "output_tokens")
print(json.dumps([{{name: getattr(row, name) for name in fields}} for row in rows]))
"""

pytestmark = [pytest.mark.clients, pytest.mark.slow, pytest.mark.xdist_group("clients-claude_code")]


@pytest.fixture(scope="module")
def program() -> Path:
    try:
        return installs.claude_code()
    except installs.Missing as missing:
        pytest.skip(str(missing))


@pytest.fixture
def claude(program: Path, tmp_path: Path) -> Claude:
    return Claude(program, tmp_path)


@pytest.fixture
def env(wire: Wire, account: Account) -> dict[str, str]:
    """Where it goes, and with which key."""
    return {"ANTHROPIC_BASE_URL": wire.url, "ANTHROPIC_API_KEY": account.key}


@pytest.fixture(scope="module")
def behind(simulator_url: str) -> Iterator[Wire]:
    """What stands between the server and an upstream on the network."""
    with Wire(simulator_url) as listening:
        yield listening


@pytest.fixture(scope="module")
def mirrored_key(server: Server, behind: Wire) -> str:
    """The key of a tenant whose upstream is behind the second wire."""
    upstream = {"name": "far", "kind": "anthropic", "base_url": behind.url, "api_key": "sk-ant-far"}
    return server.tenant("mirrored", upstreams=[upstream])


def editing(file: Path) -> str:
    """A prompt that makes the simulator read the file, edit it, and finish."""
    change = {"file_path": str(file), "old_string": "beta", "new_string": "gamma"}
    steps = [{"tool": "Read", "input": {"file_path": str(file)}}, {"tool": "Edit", "input": change}, {"text": "Done."}]
    return f"Edit the file.\n#simulate thinking script={json.dumps(steps)}"


def records(server: Server, session: str, count: int) -> list[dict[str, Any]]:
    """The usage records of a session, once there are so many and all are settled."""
    rows: list[dict[str, Any]] = json.loads(
        server.manage("shell", "-v0", "-c", _RECORDS.format(session=session, count=count))
    )
    return rows


# Credentials


@pytest.mark.parametrize(
    ("variable", "header"), [("ANTHROPIC_API_KEY", "x-api-key"), ("ANTHROPIC_AUTH_TOKEN", "authorization")]
)
def test_it_is_answered_with_either_credential(
    claude: Claude, wire: Wire, account: Account, variable: str, header: str
) -> None:
    ran = claude.run("hello", **{"ANTHROPIC_BASE_URL": wire.url, variable: account.key})
    assert (ran.code, ran.result["is_error"]) == (0, False)
    assert ran.text.endswith("You wrote: hello")
    assert ran.result["usage"]["output_tokens"] > 0
    assert [request.target for request in wire.requests] == ["/v1/messages?beta=true"]
    assert {"x-api-key", "authorization"} & wire.requests[0].headers.keys() == {header}


def test_it_is_answered_with_a_key_helper_that_sends_both_headers(claude: Claude, wire: Wire, account: Account) -> None:
    helper = claude.home / "key.sh"
    helper.write_text(f"#!/bin/sh\necho {account.key}\n")
    helper.chmod(0o755)
    ran = claude.run("hello", "--settings", json.dumps({"apiKeyHelper": str(helper)}), ANTHROPIC_BASE_URL=wire.url)
    assert ran.text.endswith("You wrote: hello")
    headers = wire.requests[0].headers
    assert (headers["x-api-key"], headers["authorization"]) == (account.key, f"Bearer {account.key}")


def test_a_wrong_key_is_refused_after_one_request_in_words_a_user_understands(claude: Claude, wire: Wire) -> None:
    ran = claude.run("hello", ANTHROPIC_BASE_URL=wire.url, ANTHROPIC_API_KEY=WRONG_KEY)
    assert (ran.code, ran.result["api_error_status"]) == (1, 401)
    assert "Invalid API key" in ran.text
    assert len(wire.requests) == 1


def test_a_model_that_the_key_may_not_use_is_refused_after_one_request_with_our_words(
    claude: Claude, wire: Wire, account: Account
) -> None:
    ran = claude.run("hello", ANTHROPIC_BASE_URL=wire.url, ANTHROPIC_API_KEY=account.haiku_key)
    assert (ran.code, ran.result["api_error_status"]) == (1, 403)
    assert "It may use: claude-haiku-*." in ran.text
    assert len(wire.requests) == 1


# Work


def test_it_reads_and_edits_a_file_and_thinks_in_between(
    claude: Claude, env: dict[str, str], wire: Wire, server: Server
) -> None:
    file = claude.folder / "a.txt"
    file.write_text("alpha\nbeta\n")
    ran = claude.run(editing(file), "--permission-mode", "acceptEdits", **env)
    assert (ran.text, ran.result["num_turns"]) == ("Done.", 3)
    assert file.read_text() == "alpha\ngamma\n"
    assert [reply.status for reply in wire.replies] == [200, 200, 200]
    last = json.loads(wire.requests[-1].body)["messages"]
    blocks = [block for message in last if isinstance(message["content"], list) for block in message["content"]]
    assert {"thinking", "tool_use", "tool_result"} <= {block["type"] for block in blocks}

    rows = records(server, ran.result["session_id"], 3)
    assert [(row["state"], row["status"], row["agent_id"]) for row in rows] == [("completed", 200, "")] * 3
    assert {row["user_agent"].split("/")[0] for row in rows} == {"claude-cli"}
    assert sum(row["output_tokens"] for row in rows) == ran.result["usage"]["output_tokens"]


def test_a_subagents_calls_are_recorded_under_its_own_id(
    claude: Claude, env: dict[str, str], wire: Wire, server: Server
) -> None:
    job = {"description": "greet", "prompt": "Say hi.\n#simulate text=Hi", "subagent_type": "general-purpose"}
    ran = claude.run(f"Delegate.\n#simulate script={json.dumps([{'tool': 'Agent', 'input': job}, {}])}", **env)
    sent = [request.headers.get("x-claude-code-agent-id", "") for request in wire.requests]
    assert any(sent) and not all(sent)
    rows = records(server, ran.result["session_id"], len(sent))
    assert sorted(row["agent_id"] for row in rows) == sorted(sent)


def test_the_context_command_counts_tokens_many_times_at_once(claude: Claude, env: dict[str, str], wire: Wire) -> None:
    ran = claude.run("/context", **env)
    assert "Context Usage" in ran.text
    assert {request.target for request in wire.requests} == {"/v1/messages/count_tokens?beta=true"}
    assert len(wire.requests) > 10
    assert {reply.status for reply in wire.replies} == {200}


def test_it_finds_the_models_of_the_key(claude: Claude, wire: Wire, account: Account) -> None:
    ran = claude.run(
        "hello",
        ANTHROPIC_BASE_URL=wire.url,
        ANTHROPIC_AUTH_TOKEN=account.haiku_key,
        ANTHROPIC_MODEL="claude-haiku-5-5",
        CLAUDE_CODE_ENABLE_GATEWAY_MODEL_DISCOVERY="1",
    )
    assert ran.text.endswith("You wrote: hello")
    found = next(reply for request, reply in zip(wire.requests, wire.replies, strict=True) if request.method == "GET")
    assert [model["id"] for model in json.loads(found.body)["data"]] == ["claude-haiku-5-5", "claude-haiku-4-5"]


def test_its_probe_is_answered_without_a_key(claude: Claude, env: dict[str, str], wire: Wire) -> None:
    quiet = dict.fromkeys(("DISABLE_TELEMETRY", "DISABLE_ERROR_REPORTING", "DISABLE_AUTOUPDATER"), "1")
    # It leaves the probe out behind an HTTP proxy.
    claude.run("hello", **env, **quiet, HTTPS_PROXY="", CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC="")
    heads = [
        (request.target, reply.status)
        for request, reply in zip(wire.requests, wire.replies, strict=True)
        if request.method == "HEAD"
    ]
    assert heads == [("/api/hello", 200)]


# Nothing changed on the way


def test_every_byte_passes_both_ways(claude: Claude, wire: Wire, behind: Wire, mirrored_key: str) -> None:
    env = {"ANTHROPIC_BASE_URL": wire.url, "ANTHROPIC_API_KEY": mirrored_key}
    file = claude.folder / "a.txt"
    file.write_text("alpha\nbeta\n")
    assert claude.run(editing(file), "--permission-mode", "acceptEdits", **env).text == "Done."
    assert "Context Usage" in claude.run("/context", **env).text

    def sent(requests: Any) -> list[Any]:
        own = ("anthropic-beta", "anthropic-version", "anthropic-dangerous-direct-browser-access")
        return sorted((r.target, r.body, *(r.headers.get(name) for name in own)) for r in requests)

    assert len(wire.requests) > 10
    assert sent(wire.requests) == sent(behind.requests)
    assert {request.headers["x-api-key"] for request in behind.requests} == {"sk-ant-far"}
    assert sorted(reply.body for reply in wire.replies) == sorted(reply.body for reply in behind.replies)
    assert mirrored_key.encode() not in b"".join(str(request.headers).encode() for request in behind.requests)


# Errors


def test_a_busy_upstream_is_asked_again_and_then_named_as_the_gateways(
    claude: Claude, env: dict[str, str], wire: Wire
) -> None:
    ran = claude.run("hello\n#simulate error=529", **env, ANTHROPIC_MODEL="claude-opus-5-5")
    assert (ran.code, ran.result["api_error_status"]) == (1, 529)
    assert "check your inference gateway" in ran.text
    assert [reply.status for reply in wire.replies] == [529] * 3


def test_a_prompt_that_is_too_long_keeps_the_upstreams_wording(claude: Claude, env: dict[str, str], wire: Wire) -> None:
    text = 'hello\n#simulate error=400 message="prompt is too long: 210000 tokens > 200000 maximum"'
    ran = claude.run(text, **env)
    assert ran.text.startswith("Prompt is too long · the request is ~210000 tokens (limit 200000)")
    assert len(wire.requests) == 1


async def _breaks_when_streamed(reader: Reader, writer: Writer, request: Request) -> None:
    if json.loads(request.body).get("stream"):
        await bad_scenarios.error_event_after_text(reader, writer, request)
    else:
        await bad_scenarios.message(reader, writer, request)


async def test_an_error_in_a_stream_is_mended_by_asking_without_a_stream(
    claude: Claude, wire: Wire, server: Server
) -> None:
    async with BadUpstream(_breaks_when_streamed) as upstream:
        address = {"name": "bad", "kind": "anthropic", "base_url": upstream.url, "api_key": "sk-ant-bad"}
        key = await asyncio.to_thread(server.tenant, "breaking", upstreams=[address])
        ran = await asyncio.to_thread(claude.run, "hello", ANTHROPIC_BASE_URL=wire.url, ANTHROPIC_API_KEY=key)
    assert ran.text == bad_scenarios.MESSAGE["content"][0]["text"]
    assert [json.loads(request.body).get("stream", False) for request in wire.requests] == [True, False]
