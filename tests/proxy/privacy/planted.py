"""Values that tests plant, and a detector that finds exactly them."""

from collections.abc import Sequence

from proxy.call import Privacy
from proxy.privacy.detection.detector import DetectionTimedOut
from proxy.privacy.findings import Finding
from proxy.privacy.rules import Mode, Rules

KEY = bytes(range(32))
NAME, MAIL, CARD, SECRET = "Zoë Ångström", 'zoe"\\@acme.example', "4111 1111 1111 1111", "sk-planted\n\t5d2e"
VALUES = {NAME: "PERSON", MAIL: "EMAIL_ADDRESS", CARD: "CREDIT_CARD", SECRET: "SECRET"}


class FakeDetector:
    """Finds the planted values, wherever they are."""

    def __init__(self, values: dict[str, str] | None = None) -> None:
        self.values = VALUES if values is None else values
        self.deadline_seconds = 30.0
        self.is_late = False
        self.asked: list[Sequence[str]] = []

    async def find(self, texts: Sequence[str], rules: Rules, tenant_key: bytes) -> list[tuple[Finding, ...]]:
        self.asked.append(texts)
        if self.is_late:
            raise DetectionTimedOut("The text was not read within 3 s.")
        return [tuple(self._find(text, rules)) for text in texts]

    def _find(self, text: str, rules: Rules) -> list[Finding]:
        found: list[Finding] = []
        for value, entity_type in self.values.items():
            at = text.find(value)
            while at >= 0 and rules.looks_for(entity_type):
                found.append(Finding(at, at + len(value), entity_type, 0.9))
                at = text.find(value, at + len(value))
        found.sort(key=lambda one: one.start)
        return [one for place, one in enumerate(found) if not place or one.start >= found[place - 1].end]


def privacy(mode: Mode = Mode.PSEUDONYMIZE, *, key: bytes | None = KEY, **fields: object) -> Privacy:
    return Privacy(Rules(default_mode=mode, **fields), key)  # type: ignore[arg-type]
