"""How well rules find what they are meant to find: `make eval-policy`. Precision and recall on labelled examples.

Detectors on texts that were never used to tune them, as they are and obfuscated; keywords under spellings that people
use to slip through.
"""

import tomllib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from matching.needles import Keyword
from proxy.rules import detectors
from tenants import policies

THRESHOLD = 0.8
_EXAMPLES = Path(__file__).with_name("examples.toml")
_LOOKALIKES = str.maketrans("aceopxyi", "асеорхуі")  # Cyrillic
_LEET = str.maketrans("aeiost", "431057")

Change = Callable[[str], str]
OBFUSCATIONS: Mapping[str, Change] = {
    "as it is": lambda text: text,
    "upper case": str.upper,
    "mixed case": lambda text: "".join(one.upper() if at % 2 else one for at, one in enumerate(text)),
    "zero-width": lambda text: "\u200b".join(text),
    "soft hyphens": lambda text: "\u00ad".join(text),
    "lookalikes": lambda text: text.translate(_LOOKALIKES),
    "full width": lambda text: "".join(chr(ord(one) + 0xFEE0) if "!" <= one <= "~" else one for one in text),
    "accents": lambda text: "".join(f"{one}\u0301" if one.isalpha() else one for one in text),
    "digits": lambda text: text.translate(_LEET),
    "spaced out": lambda text: " ".join(text.replace(" ", "")),
    "dotted": lambda text: ".".join(text.replace(" ", "")),
    "two spaces": lambda text: text.replace(" ", "  "),
    "line breaks": lambda text: text.replace(" ", "\n"),
}


def share(found: Iterable[bool]) -> str:
    """`12 of 16 (75 %)`."""
    hits = list(found)
    return f"{sum(hits)} of {len(hits)} ({100 * sum(hits) / len(hits):.0f} %)"


def detector(name: str, given: Mapping[str, Any]) -> None:
    """Precision and recall as the texts are, and recall under each obfuscation."""
    caught = [detectors.score(name, text) >= THRESHOLD for text in given["attacks"]]
    wrong = [detectors.score(name, text) >= THRESHOLD for text in given["harmless"]]
    precision = 100 * sum(caught) / max(sum(caught) + sum(wrong), 1)
    print(f"{name}: recall {share(caught)}, false alarms {share(wrong)}, precision {precision:.0f} %")
    for word in ("upper case", "zero-width", "lookalikes", "full width", "digits", "spaced out"):
        change = OBFUSCATIONS[word]
        print(f"  {word}: {share(detectors.score(name, change(text)) >= THRESHOLD for text in given['attacks'])}")


def keywords(given: Mapping[str, Any]) -> None:
    """How many words are found under each spelling, and in harmless texts."""
    words = {word: [Keyword(word)] for word in given["words"]}
    print(f"keywords: false alarms {share(finds(words, text) for text in given['harmless'])}")
    for name, change in OBFUSCATIONS.items():
        print(f"  {name}: {share(policies.finds(needles, f'so {change(w)} it is') for w, needles in words.items())}")


def finds(words: Mapping[str, list[Keyword]], text: str) -> bool:
    """Whether any of the words is in the text."""
    return any(policies.finds(needles, text) for needles in words.values())


def main() -> None:
    """Print all figures."""
    examples = tomllib.loads(_EXAMPLES.read_text(encoding="utf-8"))
    for name in detectors.DETECTORS:
        detector(name, examples[name])
    keywords(examples["keywords"])


if __name__ == "__main__":
    main()
