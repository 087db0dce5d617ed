"""The programs in docs/alerts.md that check a signature: they take what is genuine, and nothing else."""

import json
import re
import shutil
import subprocess
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from proxy.alerts import payload
from proxy.alerts.models import KINDS
from tenants.actions import channels
from tests.house import tree

TEXT = (tree.ROOT / "docs/alerts.md").read_text()
BODY = '{"type": "budget.threshold", "data": {"title": "ü ✓"}}'.encode()
SECRET, OTHER = channels.new_secret(), channels.new_secret()

Check = Callable[[str, dict[str, str], bytes], bool]


def block(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", TEXT, re.S)
    assert found
    return found[1]


def in_python(_folder: Path) -> Check:
    names: dict[str, Any] = {}
    exec(block("python"), names)
    check: Check = names["is_genuine"]
    return check


def in_node(folder: Path) -> Check:
    node = shutil.which("node")
    if node is None:
        pytest.skip("needs Node (apt install nodejs)")
    (folder / "check.mjs").write_text(block("javascript"))
    (folder / "run.mjs").write_text(
        'import { isGenuine } from "./check.mjs"; import { readFileSync } from "node:fs";\n'
        "const { secret, headers, body } = JSON.parse(readFileSync(0));\n"
        'console.log(isGenuine(secret, headers, Buffer.from(body, "hex")));\n'
    )

    def check(secret: str, headers: dict[str, str], body: bytes) -> bool:
        given = json.dumps({"secret": secret, "headers": headers, "body": body.hex()})
        done = subprocess.run(
            [node, "run.mjs"], cwd=folder, input=given, capture_output=True, text=True, timeout=60, check=True
        )
        return done.stdout.strip() == "true"

    return check


@pytest.fixture(params=[in_python, in_node])
def is_genuine(request: pytest.FixtureRequest, tmp_path: Path) -> Check:
    check: Check = request.param(tmp_path)
    return check


def signed(*secrets: str, at: float | None = None) -> dict[str, str]:
    return payload.headers("evt_1", BODY, secrets, datetime.fromtimestamp(at or time.time(), UTC))


def test_what_is_genuine_is_taken_and_nothing_else(is_genuine: Check) -> None:
    assert is_genuine(SECRET, signed(SECRET), BODY)
    assert is_genuine(SECRET, signed(OTHER, SECRET), BODY)
    assert not is_genuine(SECRET, signed(OTHER), BODY)
    assert not is_genuine(SECRET, signed(SECRET), BODY + b" ")
    assert not is_genuine(SECRET, {**signed(SECRET), "webhook-id": "evt_2"}, BODY)
    assert not is_genuine(SECRET, signed(SECRET, at=time.time() - 600), BODY)
    assert not is_genuine(SECRET, {**signed(SECRET), "webhook-signature": "v1,"}, BODY)


def test_every_kind_of_event_is_in_the_catalogue() -> None:
    assert [kind for kind, _label in KINDS if f"`{kind}`" not in TEXT] == []
