"""A kept answer's text: the upstream's JSON, with a number wherever a placeholder of the question stands."""

import re
from collections.abc import Sequence

from proxy.answers.question import Numbering

_NUMBERED = re.compile(rb"\0([A-Z][A-Z0-9_]*):(\d+)\0")
_BARE = re.compile(rb"[0-9A-Za-z]{8,32}")


class Unfit(ValueError):
    """The answer holds a placeholder in a form that cannot be given to somebody else."""


def written(raw: bytes, placeholders: Sequence[bytes]) -> bytes:
    """The answer to keep. Raises Unfit where a value's code stands in it other than as its placeholder."""
    known = set(placeholders)
    numbering = Numbering(lambda kind, code: f"[{kind}_{code}]".encode() in known, placeholders)
    text = numbering.write(raw)
    codes = {placeholder.rpartition(b"_")[2][:-1] for placeholder in placeholders}
    if any(word.upper() in codes for word in _BARE.findall(text)):
        raise Unfit("an altered placeholder")
    return text


def read(text: bytes, placeholders: Sequence[bytes]) -> bytes:
    """The same answer with the asker's placeholders. Raises Unfit where it has one that the asker has not."""

    def put_back(match: re.Match[bytes]) -> bytes:
        number = int(match[2])
        if number >= len(placeholders) or not placeholders[number].startswith(b"[" + match[1] + b"_"):
            raise Unfit("a placeholder that the request does not hold")
        return placeholders[number]

    return _NUMBERED.sub(put_back, text)
