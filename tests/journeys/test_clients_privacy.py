"""Real clients through a tenant that lets no name and no key out: nobody notices."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from proxy.formats import texts
from tests.journeys.clients import installs
from tests.journeys.clients.claude import Claude
from tests.journeys.clients.driver import Driver
from tests.journeys.clients.wire import Wire
from tests.journeys.server import Server

NAME, MAIL, KEY = "Margaret Thornbury", "margaret.thornbury@contoso-mail.com", "AKIAQ3EGRY7NM5WXZ2LP"
FILE = f"""\
OWNER="{NAME} <{MAIL}>"
AWS_ACCESS_KEY_ID={KEY}
NOTE=draft
"""
EDITED = FILE.replace("NOTE=draft", f'NOTE="ask {NAME}, {MAIL}, {KEY}"')

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


def script(file: Path) -> str:
    """The simulator reads the file, rewrites a line with what it was told, then the whole file, and talks of it."""
    steps = [
        {"tool": "Read", "input": {"file_path": str(file)}},
        {
            "tool": "Edit",
            "input": {
                "file_path": str(file),
                "old_string": FILE,
                "new_string": EDITED,
            },
        },
        {"text": f"{NAME} was told; the key {KEY} is in the file."},
    ]
    return f"Edit the file.\n#simulate thinking script={json.dumps(steps)}"


def test_the_file_holds_the_true_values_and_the_upstream_saw_none(claude: Claude, server: Server, behind: Wire) -> None:
    upstream = {"name": "far", "kind": "anthropic", "base_url": behind.url, "api_key": "sk-ant-far"}
    key = server.tenant("discreet", upstreams=[upstream], pii={"mode": "pseudonymize"})
    file = claude.folder / "settings.env"
    file.write_text(FILE)
    ran = claude.run(
        script(file), "--permission-mode", "acceptEdits", ANTHROPIC_BASE_URL=server.url, ANTHROPIC_API_KEY=key
    )
    assert file.read_text() == EDITED
    # A secret goes back into files, never into what people read.
    assert ran.text.startswith(f"{NAME} was told; the key [SECRET_") and KEY not in ran.text
    sent = b"".join(request.body for request in behind.requests)
    assert [value for value in (NAME, NAME.split()[1], MAIL, KEY) if value.encode() in sent] == []
    assert b"[PERSON_" in sent and b"[EMAIL_ADDRESS_" in sent and b"[SECRET_" in sent
    turns = [_texts(request.body) for request in behind.requests if b'"Edit"' in request.body]
    assert all(after[: len(before)] == before for before, after in zip(turns, turns[1:], strict=False))


@pytest.mark.parametrize("sdk", ["python-2.13.0", "typescript-1.13.0"])
@pytest.mark.parametrize("is_streaming", [True, False])
def test_an_sdk_puts_together_what_it_would_have_without(
    drivers: Callable[[str], Driver], server: Server, behind: Wire, sdk: str, is_streaming: bool
) -> None:
    upstream = {"name": "far", "kind": "anthropic", "base_url": behind.url, "api_key": "sk-ant-far"}
    slug = f"sdk-{sdk.partition('-')[0]}-{is_streaming}".lower()
    key = server.tenant(slug, upstreams=[upstream], pii={"mode": "pseudonymize"})
    steps = [{"tool": "save", "input": {"who": f'{NAME} "<{MAIL}>"'}}, {"text": f"Saved {NAME}."}]
    params = {
        "model": "claude-sonnet-5-5",
        "max_tokens": 300,
        "tools": [{"name": "save", "description": "Saves.", "input_schema": {"type": "object"}}],
        "messages": [{"role": "user", "content": f"Save it.\n#simulate script={json.dumps(steps)}"}],
    }
    client = {"base_url": server.url, "api_key": key}
    heard = drivers(sdk).do("converse", client, params=params, is_streaming=is_streaming, then="")
    blocks = [block for message in heard for block in message["content"]]
    assert [block.get("input") or block.get("text") for block in blocks] == [steps[0]["input"], steps[1]["text"]]
    assert not any(value.encode() in request.body for value in (NAME, MAIL) for request in behind.requests)


def _texts(body: bytes) -> list[str]:
    """Claude Code moves its cache marks from turn to turn; what it says must be the same to the byte."""
    return [leaf.text for leaf in texts.of_request({"messages": json.loads(body)["messages"]}).leaves]
