"""Values of personal data that canaries hold, and a detector that finds exactly them, where rules are to be proved."""

from collections.abc import Mapping, Sequence

from proxy.call import Privacy
from proxy.privacy.detection.detector import Detector, Found
from proxy.privacy.findings import Finding
from proxy.privacy.rules import Mode, Rules
from tenants import entities

SAID: Mapping[str, tuple[str, str]] = {
    "PERSON": ("My name is {} and I work with Tom.", "Maria Rossi"),
    "EMAIL_ADDRESS": ("Write to {} today.", "jane.doe@acme-widgets.com"),
    "PHONE_NUMBER": ("My phone number is {}.", "+44 20 7946 0958"),
    "ADDRESS": ("Send it to {}.", "221B Baker Street, London NW1 6XE"),
    "CREDIT_CARD": ("My credit card is {}.", "4111 1111 1111 1111"),
    "IBAN_CODE": ("The IBAN is {}.", "DE89 3704 0044 0532 0130 00"),
    "US_SSN": ("My social security number is {}.", "536-90-4399"),
    "NATIONAL_ID": ("My codice fiscale is {}.", "RSSMRA85T10A562S"),
    "IP_ADDRESS": ("The server is at {}.", "93.184.216.34"),
    "CRYPTO": ("Pay to {}.", "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa"),
    "SECRET": ("The token is {}.", "ghp_" + "aB3dE5gH7jK9mN1pQ3sT5vW7yZ9bC1dE3fG5"),
}
"""By type: a sentence, and the value in it."""

TERM = "canary-term"
WATCHED = Privacy(Rules(default_mode=Mode.MONITOR), bytes(32))
"""Every type is looked for, and nothing is done about it."""


def values() -> dict[str, str]:
    """The values that are sent, with their types."""
    return {text: entity_type for entity_type, (_sentence, text) in SAID.items()} | {TERM: entities.DENIED}


def value_of(entity_type: str) -> str:
    """The value of a type that rules may ask for."""
    return TERM if entity_type == entities.DENIED else SAID[entity_type][1]


class Planted(Detector):
    """Finds the values, wherever they are. Starts nothing."""

    def __init__(self) -> None:
        super().__init__(workers=1, deadline_seconds=5)

    async def find(self, texts: Sequence[str], _rules: Rules, _tenant_key: bytes) -> list[Found]:
        """Where they are in each text."""
        return [tuple(_findings(text)) for text in texts]


def _findings(text: str) -> list[Finding]:
    found = [
        Finding(at, at + len(value), entity_type, 1.0)
        for value, entity_type in values().items()
        if (at := text.find(value)) >= 0
    ]
    return sorted(found, key=lambda one: one.start)
