"""What would be found in a text, and what would be sent of it: for people who set this up, not for calls."""

from collections.abc import Sequence
from dataclasses import dataclass

from proxy.call import Privacy
from proxy.formats.texts import Leaf
from proxy.privacy import replacing
from proxy.privacy.detection.detector import Detector
from proxy.privacy.placeholders import Placeholders
from proxy.privacy.replacing import Tally
from proxy.privacy.rules import Mode


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of the text; with a type where it was found."""

    text: str
    entity_type: str = ""
    mode: str = ""
    score: float = 0.0


@dataclass(frozen=True, slots=True)
class Tried:
    """The text in pieces, what would be sent of it ('' where it would be refused), and the counts."""

    pieces: Sequence[Piece]
    sent: str
    tally: Tally
    blocked: Sequence[str]


async def tried(text: str, privacy: Privacy, detector: Detector) -> Tried:
    """Treat the text as one of a request. Raises DetectionTimedOut, DetectionUnavailable."""
    key = privacy.key or b""
    [found] = await detector.find([text], privacy.rules, key)
    pieces: list[Piece] = []
    at = 0
    for finding in found:
        entity_type, mode = replacing.treated(finding, privacy.rules.mode_of)
        if mode is not Mode.OFF:
            score = round(finding.score, 2)
            pieces += (
                Piece(text[at : finding.start]),
                Piece(text[finding.start : finding.end], entity_type, mode, score),
            )
            at = finding.end
    tally = Tally()
    leaf = Leaf(("text",), text, "user")
    changes = replacing.replaced([leaf], [found], privacy.rules.mode_of, Placeholders(key), tally)
    blocked = tally.types_of(Mode.BLOCK)
    sent = "" if blocked else changes.get(leaf.path, text)
    return Tried([*pieces, Piece(text[at:])], sent, tally, blocked)
