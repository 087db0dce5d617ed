"""What detection found in a text: where, of which type, how sure. Never the value itself."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """One stretch of personal data or one secret. Offsets count characters of the text; `end` is exclusive."""

    start: int
    end: int
    entity_type: str  # one of proxy.privacy.detection.ENTITY_TYPES, or the name of a custom recogniser
    score: float  # 0 to 1
    within: tuple[str, ...] = ()  # the other types that were found in this stretch
