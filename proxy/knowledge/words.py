"""Words of a question, and those among them that say how something is asked rather than what."""

import re

_TERM = re.compile(r"\w+")
FUNCTION_WORDS = frozenset(
    _TERM.findall(
        "a an and are as at be but by can do does for from has have how i if in into is it its me my no not of on or "
        "our so such that the their then there these they this to was we were what when where which who why will "
        "with you your"
    )
)


def of(text: str) -> list[str]:
    """The words of a text, in lower case, in their order."""
    return [word.lower() for word in _TERM.findall(text)]
