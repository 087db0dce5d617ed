"""Detectors that are asked off the event loop, on labelled texts: languages, topics, secrets. Needs Django set up."""

import random
import re
import string
import time
import tomllib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import httpx

from benchmarks.pii import negatives
from benchmarks.policies.corpus import carried
from proxy.privacy.detection.detector import Detector
from proxy.rules import compiling
from proxy.rules.rule import Asked
from proxy.rules.weighing import language, vectors
from proxy.rules.weighing.scales import Scales
from tests.proxy import build

_TEXTS = Path(__file__).with_name("texts")
_FILES_BYTES = 400_000
_TOPIC_THRESHOLDS = (0.3, 0.35, 0.4, 0.5, 0.6)
_ALPHABETS = {"": string.ascii_letters + string.digits, "U": string.ascii_uppercase + string.digits, "D": string.digits}


def share(found: Iterable[bool]) -> str:
    """`12 of 16 (75 %)`."""
    hits = list(found)
    return f"{sum(hits)} of {len(hits)} ({100 * sum(hits) / max(len(hits), 1):.0f} %)"


async def report() -> None:
    """Print the figures."""
    detector = Detector(workers=1, deadline_seconds=60)
    scales = Scales(detector, httpx.AsyncHTTPTransport(), vectors.embedded)
    try:
        languages(_read("languages"))
        await topics(_read("topics"), scales)
        await secrets(_read("secrets"), scales)
    finally:
        await detector.aclose()


def languages(given: dict[str, list[str]]) -> None:
    """How often the language is told, and how often a text is taken for one that is not allowed."""
    texts = [(code, text) for code, some in given.items() for text in some]
    told = {text: language.likelihoods(text) for _code, text in texts}
    best = {text: max(likely, key=lambda one: likely[one], default="") for text, likely in told.items()}
    print(f"language: told right {share(best[text] == code for code, text in texts)} of {len(given)} languages,")
    print(f"  undecided {share(not best[text] for _code, text in texts)}")
    files = [text for _kind, _path, text in negatives.texts(_FILES_BYTES)]
    english = _asked(detector="language", allowed=["en"])
    taken = share(language.score(text, english) >= english.threshold for text in files)
    print(f"  files that are not English, where English alone is allowed: {taken}")
    for code in given:
        allowed = _asked(detector="language", allowed=[code])
        others = [text for other, text in texts if other != code]
        own = [text for other, text in texts if other == code]
        found = share(language.score(text, allowed) >= allowed.threshold for text in others)
        wrong = share(language.score(text, allowed) >= allowed.threshold for text in own)
        print(f"  allowed {code}: others {found}, own {wrong}")


async def topics(given: dict[str, dict[str, list[str]]], scales: Scales) -> None:
    """Texts on a topic and beside it, by themselves and inside others."""
    tenant = build.caller().tenant
    found: dict[str, list[float]] = {"on": [], "off": [], "inside": []}
    for some in given.values():
        asked = _asked(detector="topic", topics=some["examples"], seconds=30)
        inside = [made for text in some["on"] for made in carried(text)]
        for name, texts in (("on", some["on"]), ("off", some["off"]), ("inside", inside)):
            found[name] += await scales.scores(texts, asked, tenant)
    print(f"topic: {len(given)} topics")
    for threshold in _TOPIC_THRESHOLDS:
        shares = {name: share(one >= threshold for one in scores) for name, scores in found.items()}
        print(f"  from {threshold}: {shares['on']}, inside others {shares['inside']}, false alarms {shares['off']}")
    started = time.perf_counter()
    text = "Some words of a text that nobody has seen. " * 8
    await scales.scores([text], _asked(detector="topic", topics=["any"]), tenant)
    print(f"  a long text: {(time.perf_counter() - started) * 1000:.0f} ms")


async def secrets(given: dict[str, list[str]], scales: Scales) -> None:
    """Texts with keys that are made here, and without."""
    tenant, asked = build.caller().tenant, _asked(detector="secrets", seconds=30)
    chance = random.Random(1)
    hidden = [_filled(text, chance) for text in given["hidden"] for _time in range(5)]
    found, wrong = [await scales.scores(texts, asked, tenant) for texts in (hidden, given["harmless"])]
    print(f"secrets: {share(one >= asked.threshold for one in found)}, false alarms {_alarms(wrong, asked)}")


def _alarms(scores: Sequence[float], asked: Asked) -> str:
    return share(one >= asked.threshold for one in scores)


def _filled(text: str, chance: random.Random) -> str:
    def made(match: re.Match[str]) -> str:
        return "".join(chance.choices(_ALPHABETS[match[2]], k=int(match[1])))

    return re.sub(r"…(\d+)([UD]?)", made, text)


def _asked(**match: Any) -> Asked:
    made = compiling.compiled({}, {"rules": [{"name": "r", "on": ["request"], "match": match, "action": "flag"}]})
    assert made is not None and made.rules[0].asked is not None
    return made.rules[0].asked


def _read(name: str) -> Any:
    return tomllib.loads((_TEXTS / f"{name}.toml").read_text(encoding="utf-8"))
