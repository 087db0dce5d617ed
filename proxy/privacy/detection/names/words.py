"""Lists of words and their spelling: light, for web processes too."""

import re
from pathlib import Path


def _listed(name: str) -> frozenset[str]:
    return frozenset((Path(__file__).parent / f"{name}.txt").read_text().split())


NOT_NAMES = _listed("not_names")
"""Words that stand where names do, in the company of names, and are none."""
ALSO_WORDS = _listed("also_words")
"""Names that are words too: alone they are taken for the word."""
COMMON = _listed("common_words") | NOT_NAMES
"""Words that the model takes for no name, wherever they stand (benchmarks/pii/common_words.py)."""

CAMEL_CASE = re.compile(
    r"(?<!\bMc)(?<!\bMac)(?<!\bDe)(?<!\bDi)(?<!\bLa)(?<!\bLe)(?<!\bVan)(?<!\bFitz)(?<=[a-zß-ÿ])[A-ZÀ-Þ]"
    r"|[A-ZÀ-Þ]{2}[a-zß-ÿ]"
)
"""Inside a word of code: fooBar, HTTPServer; not McAllister, DeLuca."""

PERSON_CUE = re.compile(
    r"(?i)(?:\b(?:ask|asked|tell|told|hi|hello|hey|dear|am|i'm|i’m|name is|named|called|ping|meet|met|thanks"
    r"|thank you|cc|remind|email|mail|mr|mrs|ms|dr|herr|frau|with|invite|call|message|text)[.,]?|@)[ ]?$"
)
"""What people stand behind, up to its end."""


def stem(word: str) -> str:
    """In lower case, without what an apostrophe adds: "I'm", "customer's"."""
    return re.split(r"n['’]t$|['’]", word.lower())[0]


def is_common(word: str) -> bool:
    """Whether no part of the word is a name's."""
    return all(part in COMMON or len(part) < 3 for part in stem(word).split("-"))
