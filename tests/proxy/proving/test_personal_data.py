"""What is done with personal data is proved by type, mode and way; a detector that misses is found out."""

from typing import Any

import pytest

from proxy.call import Privacy
from proxy.privacy.compiling import compiled
from proxy.proving import personal_data, planting
from proxy.proving.proof import Check
from tests.proxy.privacy.planted import KEY, FakeDetector


async def proved(settings: dict[str, Any], detector: Any = None) -> list[Check]:
    rules = compiled(settings, {})
    assert rules is not None
    finding: Any = detector or FakeDetector(planting.values() | {"AC-777777": "EMPLOYEE", "Nightingale": "TERM"})
    return await personal_data.prove(settings, Privacy(rules, KEY), finding)


@pytest.mark.parametrize(
    ("mode", "output"), [("monitor", "block"), ("redact", "redact"), ("pseudonymize", "block"), ("block", "monitor")]
)
async def test_every_mode_is_proved_every_way(mode: str, output: str) -> None:
    own = {"name": "EMPLOYEE", "regex": r"\bAC-\d{6}\b"}
    checks = await proved({"mode": mode, "output": {"mode": output}, "deny": ["Nightingale"], "custom": [own]})
    assert [check for check in checks if check.verdict != "pass"] == []
    assert len(checks) == 13 * (4 + 3)


@pytest.mark.parametrize("mode", ["redact", "pseudonymize", "block"])
async def test_values_that_are_not_found_fail(mode: str) -> None:
    checks = await proved({"entities": {"PERSON": mode}}, FakeDetector({}))
    assert {check.verdict for check in checks if check.place == "request"} == {"fail"}


async def test_a_type_without_a_value_to_send_is_unproven() -> None:
    own = {"name": "LETTERS", "regex": r"\pL{9}"}
    checks = await proved({"entities": {"LETTERS": "redact"}, "custom": [own]})
    assert {check.verdict for check in checks if check.rule == "LETTERS"} == {"unproven"}
