"""Texts as they read, not as they are encoded: what cannot be seen is left out, what looks alike is alike.

`clean` drops characters without a look of their own; `fold` replaces each character by one that stands for all its
lookalikes. Both work character by character, so that a text in pieces comes to the same as the whole.
"""

import unicodedata

# What an obfuscator swaps letters for: Cyrillic, Greek and Armenian letters, digits and signs.
_LOOKALIKES = {
    "a": "аαɑ4@",
    "b": "ЬьВβ8",
    "c": "сϲ",
    "d": "ԁ",
    "e": "еεє3",
    "g": "ɡ9",
    "h": "һНη",
    "i": "іιɩ1!|ӏ",
    "j": "јϳ",
    "k": "кκ",
    "l": "ⅼ",
    "m": "мМ",
    "n": "ոп",
    "o": "оοօ0",
    "p": "рρ",
    "q": "ԛ",
    "r": "гг",
    "s": "ѕ5$",
    "t": "тτ7",
    "u": "υս",
    "v": "νѵ",
    "w": "ԝω",
    "x": "хχ",
    "y": "уγ",
    "z": "ʐ2",
}
# Put onto any letter of any script: accents and strokes, and what only chooses a glyph. Vowel signs are none of them.
_MARKS = ((0x300, 0x36F), (0x1AB0, 0x1AFF), (0x1DC0, 0x1DFF), (0x20D0, 0x20FF), (0xFE00, 0xFE0F), (0xFE20, 0xFE2F))
_ALIKE = {ord(other): letter for letter, others in _LOOKALIKES.items() for other in others}
_LATIN = {code: letter for code, letter in _ALIKE.items() if code > 127 and chr(code).isalpha()}


class _Cleaning(dict[int, str]):
    def __missing__(self, code: int) -> str:
        character = chr(code)
        is_mark = any(first <= code <= last for first, last in _MARKS)
        is_seen = unicodedata.category(character) != "Cf" and not is_mark
        self[code] = character if is_seen else ""
        return self[code]


class _Folding(dict[int, str]):
    def __missing__(self, code: int) -> str:
        character = chr(code)
        plain = unicodedata.normalize("NFKD", character)
        base = plain[0] if len(plain) == 1 or unicodedata.combining(plain[1]) else character
        lowered = base.casefold()
        lowered = lowered if len(lowered) == 1 else base
        self[code] = _ALIKE.get(ord(lowered), lowered)
        return self[code]


_CLEANING, _FOLDING = _Cleaning(), _Folding()
_FOLDING_ASCII = str.maketrans(
    {chr(code): _ALIKE.get(ord(chr(code).lower()), chr(code).lower()) for code in range(128)}
)


def clean(text: str) -> str:
    """The text without what nobody sees, such as joiners and soft hyphens, and without accents put onto letters."""
    return text if text.isascii() else text.translate(_CLEANING)


def fold(text: str) -> str:
    """The text with one character for each of its own: lower case, without accents, one letter for all lookalikes."""
    return text.translate(_FOLDING_ASCII if text.isascii() else _FOLDING)


def latin(text: str) -> str:
    """With Latin letters for those that look like them, full width or of other scripts: for patterns of English."""
    return text if text.isascii() else unicodedata.normalize("NFKC", clean(text)).translate(_LATIN)


def offsets(text: str) -> list[int]:
    """For each character of `clean(text)` its place in the text, and the text's end."""
    places = [place for place, character in enumerate(text) if _CLEANING[ord(character)]]
    return [*places, len(text)]
