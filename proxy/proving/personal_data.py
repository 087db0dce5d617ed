"""Each type of personal data that is treated, proved: a value goes every way there is, asked and answered."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from proxy.call import Privacy
from proxy.ledger.prices import PriceBook
from proxy.privacy.detection.detector import Detector
from proxy.privacy.rules import Mode, Rules
from proxy.proving import bench, planting
from proxy.proving.bench import Bench, Seen
from proxy.proving.canaries import MODEL, Canary
from proxy.proving.proof import FAIL, PASS, UNPROVEN, WAYS, Check, Way
from proxy.proving.sampling import sample
from proxy.rules.rule import Place
from tenants import entities

_IN_REQUEST, _IN_ANSWER = "request", "response"


@dataclass(frozen=True, slots=True)
class Value:
    """One value of a type, and a sentence that holds it."""

    entity_type: str
    text: str
    sentence: str


async def prove(
    settings: Mapping[str, Any], privacy: Privacy, detector: Detector, *, prices: PriceBook | None = None
) -> list[Check]:
    """Every type that the settings treat, in requests and in answers."""
    checks: list[Check] = []
    async with bench.opened(None, prices or PriceBook([]), privacy=privacy, detector=detector) as ready:
        for entity_type in _types(privacy.rules):
            value = _value(entity_type, settings)
            for place, mode in _modes(privacy.rules, entity_type):
                if value is None:
                    why = "There is no value to send: give the type an example."
                    checks.append(Check(entity_type, mode.value, place, "", UNPROVEN, why))
                    continue
                for way in WAYS:
                    if way.path == WAYS[0].path or place == _IN_REQUEST:
                        problem = await _problem(ready, value, place, mode, way)
                        verdict = FAIL if problem else PASS
                        checks.append(Check(entity_type, mode.value, place, way.name, verdict, problem))
    return checks


def _types(rules: Rules) -> Sequence[str]:
    own = [one.name for one in rules.custom]
    return [one for one in (*entities.TYPES, *([entities.DENIED] if rules.deny else []), *own) if rules.looks_for(one)]


def _modes(rules: Rules, entity_type: str) -> Iterator[tuple[str, Mode]]:
    for place, mode in ((_IN_REQUEST, rules.mode_of(entity_type)), (_IN_ANSWER, rules.output_mode_of(entity_type))):
        if mode is not Mode.OFF:
            yield place, mode


def _value(entity_type: str, settings: Mapping[str, Any]) -> Value | None:
    if entity_type in planting.SAID:
        sentence, value = planting.SAID[entity_type]
        return Value(entity_type, value, sentence.format(value))
    if entity_type == entities.DENIED:
        term = str(settings["deny"][0])
        return Value(entity_type, term, f"It concerns {term} alone.")
    own = next(one for one in settings["custom"] if one["name"] == entity_type)
    text: str | None = next(iter(own.get("matches", ())), None) or sample(own["regex"])
    words = " ".join(own.get("context", ())[:1])
    return Value(entity_type, text, f"It concerns {words} {text} alone.") if text else None


async def _problem(ready: Bench, value: Value, place: str, mode: Mode, way: Way) -> str:
    said = value.sentence if place == _IN_REQUEST else "Hello."
    body = {
        "model": MODEL,
        "max_tokens": 4096,
        "messages": [{"role": "user", "content": [{"type": "text", "text": said}]}],
    }
    echoes = place == _IN_REQUEST and mode in (Mode.REDACT, Mode.PSEUDONYMIZE)
    text = "It is sunny." if place == _IN_REQUEST else value.sentence
    canary = Canary(Place(place), body, text, echoes)
    seen = await ready.send(canary, path=way.path, stream=way.stream, cuts=way.cuts, metadata={})
    return _of_request(seen, value, mode, way) if place == _IN_REQUEST else _of_answer(seen, value, mode)


def _of_request(seen: Seen, value: Value, mode: Mode, way: Way) -> str:
    """What is wrong where the value was in the request."""
    if mode is Mode.BLOCK:
        return "" if seen.status == 451 and not seen.asked else f"it was not refused (HTTP {seen.status})"
    if seen.status != 200 or not seen.asked:
        return f"the reply was HTTP {seen.status}"
    left = any(value.text in str(asked.get("messages")) for asked in seen.asked)
    if mode is Mode.MONITOR:
        return "" if left else "it should change nothing, but the value did not leave"
    if left:
        return "the value left"
    is_restored = mode is Mode.PSEUDONYMIZE and value.entity_type not in entities.SECRETS
    if way.name == "count_tokens" or is_restored == (value.text in seen.said):
        return ""
    return "the value was not put back" if is_restored else "the value came back"


def _of_answer(seen: Seen, value: Value, mode: Mode) -> str:
    """What is wrong where the model wrote the value by itself."""
    shown = value.text in seen.said
    if mode is Mode.MONITOR:
        return "" if shown else "it should change nothing, but the value was not shown"
    return "the value was shown" if shown else ""
