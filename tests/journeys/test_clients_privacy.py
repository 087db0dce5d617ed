"""Claude Code edits a file full of names and keys through a tenant that lets none of them out."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from proxy.formats import texts
from tests.journeys.clients import installs
from tests.journeys.clients.claude import Claude
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


def _texts(body: bytes) -> list[str]:
    """Claude Code moves its cache marks from turn to turn; what it says must be the same to the byte."""
    return [leaf.text for leaf in texts.of_request({"messages": json.loads(body)["messages"]}).leaves]
