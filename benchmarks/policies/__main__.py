"""How well rules find what they are meant to find: `make eval-policy`. Precision and recall on labelled examples.

Detectors on the half of the texts that no weight was tuned on, as they are, inside other texts, respelled and encoded;
false alarms on harmless texts that use the same words and on files of this machine; keywords under spellings that
people use to slip through.
"""

import asyncio
import os
import tempfile
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import django

from benchmarks.pii import claude_code, negatives
from benchmarks.policies import corpus
from matching.needles import Keyword
from proxy.rules import detectors
from tenants import policies
from tests.journeys.clients import installs

THRESHOLDS = (0.5, 0.65, 0.8, 0.9, 0.95)
_TYPICAL = 0.8
_FILES_BYTES = 400_000
_KEYWORDS = Path(__file__).with_name("texts") / "keywords.toml"

Score = Callable[[str], float]


def share(found: Iterable[bool]) -> str:
    """`12 of 16 (75 %)`."""
    hits = list(found)
    return f"{sum(hits)} of {len(hits)} ({100 * sum(hits) / max(len(hits), 1):.0f} %)"


def by_threshold(score: Score, attacks: Sequence[str], harmless: Sequence[str], files: Sequence[str]) -> None:
    """Recall, precision and false alarms at each threshold."""
    found, wrong, filed = ([score(text) for text in texts] for texts in (attacks, harmless, files))
    inside = [score(made) for text in attacks for made in corpus.carried(text)]
    for threshold in THRESHOLDS:
        hits, alarms = sum(one >= threshold for one in found), sum(one >= threshold for one in wrong)
        print(
            f"  from {threshold}: recall {share(one >= threshold for one in found)}, "
            f"inside other texts {share(one >= threshold for one in inside)}, "
            f"precision {100 * hits / max(hits + alarms, 1):.0f} %, "
            f"false alarms {share(one >= threshold for one in wrong)}, "
            f"in files {share(one >= threshold for one in filed)}"
        )


def injection() -> None:
    """Prompt injection and jailbreaks."""
    files = [text for place, (_kind, _path, text) in enumerate(negatives.texts(_FILES_BYTES)) if place % 2]
    client = client_texts()
    for name, score in (("prompt_injection", detectors.injection.score), ("jailbreak", detectors.injection.jailbreak)):
        attacks, harmless = corpus.half(name, held_out=True), corpus.half("harmless", held_out=True)
        print(f"{name}: {len(attacks)} attacks, {len(harmless)} harmless texts, {len(files)} files, all held out")
        by_threshold(score, attacks, harmless, files)
        if client:
            print(
                f"  false alarms in what Claude Code sends by itself: {share(score(one) >= _TYPICAL for one in client)}"
            )
        for spelling, change in {**corpus.SPELLINGS, **corpus.CODES}.items():
            print(f"  {spelling}: {share(score(change(text)) >= _TYPICAL for text in attacks)}")


def client_texts() -> list[str]:
    """The system prompt, tools and reminders of Claude Code, where it is installed."""
    try:
        return claude_code.texts(claude_code.request())
    except installs.Missing:
        return []


def keywords() -> None:
    """How many words are found under each spelling, and in harmless texts."""
    given = tomllib.loads(_KEYWORDS.read_text(encoding="utf-8"))
    words = {word: [Keyword(word)] for word in given["words"]}
    print(f"keywords: false alarms {share(finds(words, text) for text in given['harmless'])}")
    for name, change in corpus.SPELLINGS.items():
        print(f"  {name}: {share(policies.finds(needles, f'so {change(w)} it is') for w, needles in words.items())}")


def finds(words: Mapping[str, list[Keyword]], text: str) -> bool:
    """Whether any of the words is in the text."""
    return any(policies.finds(needles, text) for needles in words.values())


def main() -> None:
    """Print all figures."""
    injection()
    keywords()
    with tempfile.TemporaryDirectory(prefix="llmp-eval-") as folder:
        os.environ |= {"LLMP_DATA_DIR": folder, "DJANGO_SETTINGS_MODULE": "proxy.settings"}
        django.setup()
        from benchmarks.policies import asked  # noqa: PLC0415 - Django is set up by now

        asyncio.run(asked.report())


if __name__ == "__main__":
    main()
