"""Claude Code in a tenant with a handbook: turns are given passages; tool loops and cache marks stay its own."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from proxy.formats import texts
from tests.journeys.clients import installs
from tests.journeys.clients.claude import Claude
from tests.journeys.clients.wire import Wire
from tests.journeys.server import Server

LEAVE = "Every employee has thirty days of paid holiday in each calendar year."
QUESTION = "How many days of paid holiday does an employee have in a year?"

pytestmark = [pytest.mark.clients, pytest.mark.slow, pytest.mark.xdist_group("clients-claude_code")]


@pytest.fixture
def claude(tmp_path: Path) -> Claude:
    try:
        return Claude(installs.claude_code(), tmp_path)
    except installs.Missing as missing:
        pytest.skip(str(missing))


@pytest.fixture
def behind(simulator_url: str) -> Iterator[Wire]:
    """What stands between the server and the upstream."""
    with Wire(simulator_url) as listening:
        yield listening


@pytest.fixture
def key(server: Server, behind: Wire, tmp_path: Path) -> str:
    """The key of a tenant whose handbook says how many days there are."""
    made = server.tenant(
        "coders",
        upstreams=[{"name": "far", "kind": "anthropic", "base_url": behind.url, "api_key": "sk-ant-far"}],
        rag={"collections": [{"name": "handbook"}], "inject": {"collections": ["handbook"]}},
    )
    folder = tmp_path / "documents"
    folder.mkdir()
    (folder / "holidays.md").write_text(f"# Holidays\n{LEAVE}\n")
    server.manage("load_docs", str(folder), "--tenant", "coders", "--collection", "handbook", "--here")
    return made


def test_a_tool_loop_keeps_its_passages_its_marks_and_its_billing_block(
    claude: Claude, server: Server, behind: Wire, key: str
) -> None:
    file = claude.folder / "notes.txt"
    file.write_text("paid holiday: days per year of an employee")
    script = json.dumps([{"tool": "Read", "input": {"file_path": str(file)}}, {"text": "Thirty."}])
    ran = claude.run(f"{QUESTION}\n#simulate script={script}", ANTHROPIC_BASE_URL=server.url, ANTHROPIC_API_KEY=key)
    assert ran.text == "Thirty."
    bodies = [json.loads(request.body) for request in behind.requests if b"holidays.md" in request.body]
    assert len(bodies) == 2, "the question, and the same with what the tool read"
    asked, looped = (body["messages"] for body in bodies)
    kinds = [block["type"] for block in _turns(asked)[0]]
    assert kinds[-1] == "search_result" and kinds.count("search_result") == 1
    assert _turns(asked)[0][-1]["content"] == [{"type": "text", "text": LEAVE}]
    assert _texts(looped)[: len(_texts(asked))] == _texts(asked)
    assert [block["type"] for block in _turns(looped)[-1] if block["type"] == "search_result"] == []
    for body in bodies:
        assert body["system"][0]["text"].startswith("x-anthropic-billing-header:")
        assert 1 <= json.dumps(body).count('"cache_control"') <= 4


def _turns(messages: list[dict[str, Any]]) -> list[Any]:
    return [message["content"] for message in messages if message["role"] == "user"]


def _texts(messages: list[dict[str, Any]]) -> list[str]:
    """Claude Code moves its cache marks from turn to turn; what is said must be the same to the byte."""
    return [leaf.text for leaf in texts.of_request({"messages": messages}).leaves]
