"""The texts that a text may be read as: as it looks, what it hides from the eye, and what it carries in other codes.

Bounded: a few codes, a few of each, one inside the other at most twice. What is no code comes to nothing.
"""

import base64
import binascii
import codecs
import re
from collections.abc import Iterator
from urllib.parse import unquote

import re2

from matching import spelling

_MOST_OF_ONE_CODE = 12
_MOST_CODE_CHARS = 16_384
_LEAST_HIDDEN = 8  # characters; a flag's tags are fewer
_LEAST_READABLE = 0.9
_DEPTH = 2

_TAGS = re.compile("[\U000e0020-\U000e007e]+")
_BASE64 = re2.compile(r"[A-Za-z0-9+/_-]{20,}={0,2}")
_HEX = re2.compile(r"(?:(?:\\x|0x|%)?[0-9a-fA-F]{2}[ :,]?){12,}")
_URL = re2.compile(r"(?:%[0-9a-fA-F]{2}[\w.~+-]{0,8}){4,}")
_TELLING = (
    *("ignore", "disregard", "forget", "bypass", "override", "reveal", "previous", "instructions", "rules", "system"),
    *("prompt", "user", "assistant", "admin", "password", "send", "restrictions", "guidelines", "filter", "policy"),
    *("pretend", "uncensored", "unfiltered", "jailbreak", "developer", "refuse", "illegal", "answer", "secret"),
)
_ROT13 = re2.compile(rf"\b(?:{'|'.join(codecs.encode(word, 'rot13') for word in _TELLING)})\b")
_BACKWARDS = re2.compile(rf"\b(?:{'|'.join(word[::-1] for word in _TELLING)})\b")
_WORDS = re2.compile("|".join(_TELLING))
_GLUED = re2.compile(
    rf"{'|'.join(_TELLING)}|instruction|everything|anything|without|before|above|prior|instead|every|any|following"
    r"|follow|from|now|only|here|your|you|are|were|was|the|this|that|and|not|never|tell|told|show|print|output"
    r"|write|act|with|task|new|is|all|will|who|what|have|has|must|to|no|do|of"
)
_LONGEST_WORD = 14
_SPACED = re2.compile(r"(?:\b\w[ .\-_*]{1,3}){7,}\w\b")


def of(text: str, depth: int = _DEPTH) -> Iterator[tuple[str, str]]:
    """(how it is read, the text so read): `plain` first, then `hidden` and `decoded`, each in Latin letters."""
    plain = spelling.latin(text)
    yield "plain", plain
    if not text.isascii():
        own = spelling.clean(text)  # for the cues of other scripts, whose letters look like Latin ones
        if own != plain:
            yield "plain", own
        hidden = "".join(chr(ord(one) - 0xE0000) for run in _TAGS.findall(text) for one in run)
        if len(hidden) >= _LEAST_HIDDEN:
            yield from (("hidden", reading) for _how, reading in of(hidden, depth - 1))
    if depth <= 0:
        return
    for decoded in _decoded(plain):
        yield from (("decoded", reading) for _how, reading in of(decoded, depth - 1))


def _decoded(text: str) -> Iterator[str]:
    for expression, decode in ((_BASE64, _from_base64), (_HEX, _from_hex), (_URL, unquote)):
        for _nth, match in zip(range(_MOST_OF_ONE_CODE), expression.finditer(text), strict=False):
            if readable := decode(match[0][:_MOST_CODE_CHARS]):
                yield readable
    beginning = text[:_MOST_CODE_CHARS]
    lowered = beginning.lower()
    if _ROT13.search(lowered):
        yield codecs.decode(beginning, "rot13")
    if _BACKWARDS.search(lowered):
        yield beginning[::-1]
    folded = spelling.fold(beginning)
    if len(_WORDS.findall(folded)) > len(_WORDS.findall(lowered)):
        yield folded
    if joined := _joined(beginning):
        yield joined


def _from_base64(code: str) -> str:
    body = code.rstrip("=").translate({ord("-"): "+", ord("_"): "/"})
    try:
        return _readable(base64.b64decode(body[: len(body) - (len(body) % 4 == 1)] + "=" * (-len(body) % 4)))
    except binascii.Error:
        return ""


def _from_hex(code: str) -> str:
    digits = re.sub(r"\\x|0x|[^0-9a-fA-F]", "", code)
    return _readable(bytes.fromhex(digits[: len(digits) // 2 * 2]))


def _readable(raw: bytes) -> str:
    """The bytes as text, if that is what they are."""
    text = raw.decode("utf-8", "ignore")
    letters = sum(one.isalpha() or one in " \n.,:;'!?/-" for one in text)
    return text if len(text) >= _LEAST_HIDDEN and letters >= _LEAST_READABLE * max(len(raw), 1) else ""


def _joined(text: str) -> str:
    """Words that were spaced out letter by letter, put together: two separators in a row are a gap between words.

    Where there are no gaps, they are set around the words that matter.
    """
    runs = [re.sub(r"[ .*_-]", "", re.sub(r"[ .*_-]{2,3}", "\n", match[0])) for match in _SPACED.finditer(text)]
    words = [word for run in runs for word in run.split("\n")]
    return " ".join(word if len(word) <= _LONGEST_WORD else _GLUED.sub(r" \g<0> ", word.lower()) for word in words)
