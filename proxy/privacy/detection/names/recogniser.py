"""The model as one of Presidio's recognisers."""

from collections.abc import Sequence
from typing import Any

from presidio_analyzer import LocalRecognizer, RecognizerResult

from proxy.privacy.detection.names import postal, second, spelling, windows
from proxy.privacy.detection.names.rampart import Rampart


class NameRecognizer(LocalRecognizer):
    """People and postal addresses."""

    def __init__(self) -> None:
        super().__init__(supported_entities=["PERSON", "ADDRESS"])

    def load(self) -> None:
        """Read the model. Raises model.ModelMissing."""
        self._model = Rampart()

    def analyze(self, text: str, entities: Sequence[str], nlp_artifacts: Any = None) -> list[RecognizerResult]:
        """What is found in the whole text; findings may overlap."""
        return [
            RecognizerResult(found.entity_type, found.start + start, found.end + start, found.score)
            for start, end in windows.cut(text)
            for found in self.read(text[start:end])
        ]

    def read(self, window: str) -> list[RecognizerResult]:
        """What is found in one window."""
        words = self._model.read(window)
        people = list(spelling.people(window, words))
        streets = list(postal.addresses(window, words))
        people += second.reading(window, [*people, *streets], self._model.name_scores)
        people += spelling.mentions(window, people)
        return [RecognizerResult("PERSON", *found) for found in people] + [
            RecognizerResult("ADDRESS", *found) for found in streets
        ]
