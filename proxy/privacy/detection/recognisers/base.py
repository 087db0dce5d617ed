"""A Presidio recogniser whose patterns run in RE2."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from presidio_analyzer import LocalRecognizer, RecognizerResult

from proxy.privacy.detection import linear

Span = tuple[int, int, float]
"""Start, end and score."""

Words = Mapping[str, Sequence[str]]
"""Words, or pieces of a regex, by the code of their language; under "" those of every language."""

_CUE_REACH_CHARS = 40


@dataclass(frozen=True, slots=True)
class Form:
    """One way in which a type is written, in RE2's syntax. Presidio's Pattern would compile it for another engine."""

    name: str
    regex: str
    score: float


class LinearRecognizer(LocalRecognizer):
    """One entity type, by forms of which `judge` has the last word.

    Where a form has a group, the group is the finding and the rest its surroundings.
    `hint` is a cheap regex without which no form can match: the prefilter looks for it.
    """

    def __init__(self, entity_type: str, forms: Sequence[Form], *, hint: str, cues: Sequence[str] = ()) -> None:
        super().__init__(supported_entities=[entity_type], context=list(cues))
        self.hint = hint
        self._forms = [(linear.compiled(form.regex), form.score) for form in forms]
        self._cues = cue_pattern(cues) if cues else None

    def load(self) -> None:
        """Nothing to load."""

    def judge(self, text: str, span: Span) -> Span | None:
        """The span as it is found, narrowed, or scored otherwise; None if it is nothing."""
        return span

    def has_cue(self, text: str, start: int, cues: re.Pattern[str] | None = None) -> bool:
        """Whether one of the cues (of these, if given) stands shortly before, on the same line."""
        before = text[max(0, start - _CUE_REACH_CHARS) : start].rpartition("\n")[2]
        looked_for = cues or self._cues
        return looked_for is not None and looked_for.search(before) is not None

    def find(self, subject: linear.Subject) -> list[RecognizerResult]:
        """What is found, in no particular order; findings may overlap."""
        found = []
        for regex, score in self._forms:
            for start, end in subject.spans(regex):
                judged = self.judge(subject.text, (start, end, score))
                if judged is not None:
                    found.append(RecognizerResult(self.supported_entities[0], *judged))
        return found

    def analyze(
        self, text: str, entities: Sequence[str], nlp_artifacts: Any = None, regex_flags: int | None = None
    ) -> list[RecognizerResult]:
        """Presidio's own way to ask."""
        return self.find(linear.Subject(text))


def spoken(words: Words, languages: Collection[str]) -> list[str]:
    """The words of these languages; of all where none is named."""
    chosen = (own for language, own in words.items() if not languages or not language or language in languages)
    return list(dict.fromkeys(word for own in chosen for word in own))


def cue_pattern(cues: Sequence[str]) -> re.Pattern[str]:
    """Finds any of these words, in any case; `_` and digits do not make a word longer."""
    return re.compile(rf"(?i)(?<![^\W_])(?:{'|'.join(cues)})(?![^\W_])")


def is_word(character: str) -> bool:
    """Whether the character would make what it touches part of a longer word or number."""
    return character.isalnum() or character == "_"
