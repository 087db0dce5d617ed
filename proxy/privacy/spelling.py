"""How placeholders are written, also by models that write them a little differently.

Exact           [PERSON_7K2M9QXA]
escaped         \\[PERSON\\_7K2M9QXA\\]      Markdown
bracketed       [ Person 7k2m9qxa ]
bare            PERSON_7K2M9QXA            the brackets gone, as happens in the arguments of tools
"""

import re
from functools import lru_cache

_CODE = r"[0-9A-Za-z]{8}(?:[0-9A-Za-z]{4}){0,6}"
# A letter before a bare one makes it part of a longer word; in JSON it may be that of an escape such as \n.
_BOUNDARY = r"(?:(?<![0-9A-Za-z])|(?<=\\[bfnrt]))"


@lru_cache(maxsize=256)
def pattern(types: frozenset[str]) -> re.Pattern[str]:
    """Finds what may be a placeholder of one of the types; the last group that matched is its code."""
    between = r"(?:\\{0,2}_|[ \-])"
    names = "|".join(between.join(name.split("_")) for name in sorted(types))
    return re.compile(
        rf"\[[A-Z][A-Z0-9_]*_({_CODE})\]"
        rf"|(?i:\\{{1,2}}\[(?:{names}){between}({_CODE})\\{{1,2}}\])"
        rf"|(?i:\[ ?(?:{names}){between}({_CODE}) ?\])"
        rf"|(?i:{_BOUNDARY}(?:{names}){between}({_CODE})(?![0-9A-Za-z]))"
    )


@lru_cache(maxsize=256)
def beginning(types: frozenset[str]) -> re.Pattern[str]:
    """Finds, at the end of a text, what may still become one; a group that matched is the beginning of a code."""
    names = "|".join(_unfinished(name) for name in sorted(types))
    return re.compile(rf"(?i:\\{{0,2}}\[ ?(?:{names})?\Z|\\{{1,2}}\Z|{_BOUNDARY}(?:{names})\Z)")


def _unfinished(name: str) -> str:
    """`AB` as `A(?:B(?:…)?)?`: any beginning of it, at least one character."""
    between = r"(?:\\{0,2}_|[ \-]|\\{1,2}\Z)"
    steps = [between if character == "_" else character for character in name]
    rest = rf"(?:{between}(?:([0-9A-Za-z]{{1,32}}) ?\\{{0,2}})?)?"
    for step in reversed(steps[1:]):
        rest = f"(?:{step}{rest})?"
    return steps[0] + rest
