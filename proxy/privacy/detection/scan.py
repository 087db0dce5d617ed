"""What patterns find in one text: first which recognisers it needs at all, then those."""

from functools import lru_cache

from presidio_analyzer import RecognizerRegistry

from proxy.privacy.detection import linear
from proxy.privacy.detection.recognisers import catalogue
from proxy.privacy.detection.recognisers.base import LinearRecognizer
from proxy.privacy.findings import Finding
from proxy.privacy.rules import CustomRecogniser


class Scanner:
    """The patterns of one tenant: everybody's and its own. Building one takes tens of milliseconds."""

    def __init__(
        self, custom: tuple[CustomRecogniser, ...], deny: tuple[str, ...], languages: tuple[str, ...] = ()
    ) -> None:
        self.registry = RecognizerRegistry(recognizers=catalogue.build(custom, deny, languages))
        self._recognisers = [one for one in self.registry.recognizers if isinstance(one, LinearRecognizer)]
        self._prefilter = linear.Prefilter([recogniser.hint for recogniser in self._recognisers])

    def scan(self, text: str) -> list[Finding]:
        """Every finding of every recogniser; they may overlap."""
        subject = linear.Subject(text)
        found = []
        for index in self._prefilter(subject):
            for result in self._recognisers[index].find(subject):
                found.append(Finding(result.start, result.end, result.entity_type, result.score))
        return found


@lru_cache(maxsize=16)
def scanner(custom: tuple[CustomRecogniser, ...], deny: tuple[str, ...], languages: tuple[str, ...] = ()) -> Scanner:
    """The scanner of these rules. Raises linear.RegexRefused."""
    return Scanner(custom, deny, languages)
