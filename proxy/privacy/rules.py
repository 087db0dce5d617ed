"""What a tenant, or one of its keys, wants done with personal data: compiled once, shared by all its calls."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import blake2b
from types import MappingProxyType
from typing import Literal

DENIED = "TERM"
"""The entity type of what the deny-list names."""


class Mode(StrEnum):
    """What is done with a finding."""

    OFF = "off"  # not looked for
    MONITOR = "monitor"  # counted
    REDACT = "redact"  # replaced for good
    PSEUDONYMIZE = "pseudonymize"  # replaced, and put back in the answer
    BLOCK = "block"  # the call is refused


STRICTNESS: Mapping[Mode, int] = MappingProxyType(
    {Mode.OFF: 0, Mode.MONITOR: 1, Mode.PSEUDONYMIZE: 2, Mode.REDACT: 3, Mode.BLOCK: 4}
)
"""Where several types were found in one stretch, the highest counts."""


@dataclass(frozen=True, slots=True)
class CustomRecogniser:
    """A tenant's own entity type. `regex` is in RE2's syntax; `context` are words that make a match likelier."""

    name: str
    regex: str
    score: float
    context: tuple[str, ...] = ()


@dataclass(frozen=True)
class Rules:
    """Modes by entity type, and what detection goes by."""

    modes: Mapping[str, Mode] = field(default_factory=lambda: MappingProxyType({}))
    default_mode: Mode = Mode.OFF
    min_score: float = 0.5
    languages: tuple[str, ...] = ()  # whose words tell what stands beside them, and whose identity numbers; none: all
    allow: frozenset[str] = frozenset()  # values that are no finding, compared without case
    deny: tuple[str, ...] = ()  # terms that always are one, of the type DENIED
    custom: tuple[CustomRecogniser, ...] = ()
    output_modes: Mapping[str, Mode] = field(default_factory=lambda: MappingProxyType({}))
    output_default_mode: Mode = Mode.OFF
    unknown_blocks: Literal["pass", "scan", "block"] = "pass"
    attachments: Literal["pass", "refuse"] = "pass"
    on_failure: Literal["closed", "open"] = "closed"
    restores_secrets: bool = True  # into tool inputs; never into text
    fingerprint: bytes = field(init=False, repr=False)
    """Equal where detection finds the same, in every process and version of Python: 16 bytes to memoise by."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "fingerprint", self._digest())

    def mode_of(self, entity_type: str) -> Mode:
        """What is done with the type in a request."""
        return self.modes.get(entity_type, self.default_mode)

    def output_mode_of(self, entity_type: str) -> Mode:
        """What is done with the type where the model produced it by itself."""
        return self.output_modes.get(entity_type, self.output_default_mode)

    def looks_for(self, entity_type: str) -> bool:
        """Whether the type matters anywhere: detection leaves the others out."""
        return self.mode_of(entity_type) is not Mode.OFF or self.output_mode_of(entity_type) is not Mode.OFF

    @property
    def reads_requests(self) -> bool:
        """Whether anything is looked for in requests."""
        return any(mode is not Mode.OFF for mode in (self.default_mode, *self.modes.values()))

    @property
    def reads_answers(self) -> bool:
        """Whether anything is looked for in what the model produces."""
        return any(mode is not Mode.OFF for mode in (self.output_default_mode, *self.output_modes.values()))

    def _digest(self) -> bytes:
        usual = self.default_mode is not Mode.OFF or self.output_default_mode is not Mode.OFF
        parts = [
            usual,
            sorted({name for name in (*self.modes, *self.output_modes) if self.looks_for(name) is not usual}),
            self.min_score,
            self.languages,
            sorted(self.allow),
            self.deny,
            [[own.name, own.regex, own.score, own.context] for own in self.custom],
        ]
        return blake2b(json.dumps(parts).encode(), digest_size=16).digest()
