"""Planted values go through a real server in every mode, then are looked for in every byte that it left behind."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.journeys.asking import HELLO, ask
from tests.journeys.server import Server, serving

NAME, MAIL, CARD, KEY = (
    "Margaret Thornbury",
    "m.thornbury@contoso-mail.com",
    "4539 1488 0343 6467",
    "AKIAQ3EGRY7NM5WXZ2LP",
)
TEXT = f"Write to {NAME} <{MAIL}>, card number {CARD}, AWS_ACCESS_KEY_ID={KEY}."
MODES = ("monitor", "redact", "pseudonymize", "block")


def bodies() -> list[dict[str, Any]]:
    """Every place that text can be in, and every way an answer can come."""
    result = {"type": "tool_result", "tool_use_id": "toolu_1", "content": TEXT}
    use = {"type": "tool_use", "id": "toolu_1", "name": "Bash", "input": {"command": TEXT}}
    tools = [{"name": "Bash", "description": TEXT, "input_schema": {"type": "object"}}]
    asked = {"role": "user", "content": f"{TEXT}\n#simulate echo"}
    return [
        {**HELLO, "system": TEXT, "messages": [asked]},
        {**HELLO, "messages": [asked], "stream": True},
        {
            **HELLO,
            "tools": tools,
            "messages": [asked, {"role": "assistant", "content": [use]}, {"role": "user", "content": [result]}],
        },
        {**HELLO, "messages": [{"role": "user", "content": f"{TEXT}\n#simulate error=400 message=wrong"}]},
        {**HELLO, "messages": [{"role": "user", "content": f"{TEXT}\n#simulate cut=1"}], "stream": True},
        {**HELLO, "messages": [{"role": "user", "content": [{"type": TEXT, "text": TEXT}]}]},
        {**HELLO, "max_tokens": TEXT, "messages": [asked]},
    ]


def push(server: Server, key: str) -> list[str]:
    said = []
    for body in bodies():
        for path, headers in (("", {}), ("", {"x_llmp_dry_run": "true"}), ("/count_tokens", {})):
            reply = ask(server.url, key, body, path=f"/v1/messages{path}", **headers)
            said.append(f"{reply.status} {reply.headers.get('x-llmp-pii', '')}")
            if reply.status == 451:
                assert not [value for value in (NAME, MAIL, CARD, KEY) if value in reply.body.decode()]
    return said


def fitting(server: Server, slug: str) -> tuple[int, int]:
    """How many calls have their text kept, opened and read by rules, and how many of them hold a planted value."""
    rule = {"name": "planted", "on": ["request", "tools", "tool_results"], "action": "flag"}
    rules = [{**rule, "match": {"keywords": [NAME, MAIL, CARD, KEY]}}]
    draft = server.data_dir / "draft.json"
    draft.write_text(json.dumps({"rules": rules}))
    try:
        told = server.manage("replay_policy", "--tenant", slug, "--days", "1", "--draft", str(draft), "--json")
    finally:
        draft.unlink()
    report = json.loads(told)
    return report["calls"], report["rules"].get("planted", {"tried": 0})["tried"]


@pytest.mark.slow
@pytest.mark.parametrize("seconds", ["30", "0.00001"])
def test_no_planted_value_is_left_in_files_or_logs_in_any_mode(tmp_path: Path, seconds: str) -> None:
    with serving(tmp_path, LLMP_LOG_LEVEL="DEBUG", LLMP_DETECTION_SECONDS=seconds) as server:
        said = {
            mode: push(
                server,
                server.tenant(
                    mode,
                    cache={"exact": {"enabled": True}},
                    transcripts={"enabled": True},
                    pii={"mode": mode, "on_failure": "open" if mode == "redact" else "closed"},
                ),
            )
            for mode in MODES
        }
        kept = {mode: fitting(server, mode) for mode in MODES}
        printed = server.manage("export") + server.manage("verify_audit")
    left = {str(path): path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} | {
        "printed": printed.encode()
    }
    values = (NAME, NAME.split()[1], MAIL, CARD, CARD.replace(" ", ""), KEY)
    assert [(name, value) for name, data in left.items() for value in values if value.encode() in data] == []
    if seconds == "30":
        found = "CREDIT_CARD=2, EMAIL_ADDRESS=2, PERSON=2, SECRET=2"
        assert kept["monitor"][1] > 3 and kept["redact"][0] == kept["pseudonymize"][0] >= 5
        assert [kept[mode][1] for mode in MODES[1:]] == [0, 0, 0]
        assert [said[mode][0] for mode in MODES] == [*[f"200 {found}"] * 3, "451 "]
    else:
        assert said["pseudonymize"][0].startswith("503")
