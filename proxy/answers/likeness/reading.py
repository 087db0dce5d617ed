"""What a short English text asks, in parts that can be compared: its words, numbers, code, and how it asks."""

import re
import tomllib
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from itertools import islice
from pathlib import Path
from typing import Any

_EXACT = re.compile(
    r"""
      \[[A-Z][A-Z0-9_]*_[0-9A-Z]{8,32}\]            # a placeholder
    | ```.*?```|`[^`]*`                             # code
    | "[^"]*"|“[^”]*”|«[^»]*»|(?<!\w)'[^']*'(?!\w)  # what is quoted
    | https?://\S+ | \S+@\S+\.\w+                   # addresses
    | (?<!\w)-{1,2}[A-Za-z][\w-]*                   # options of commands
    | (?<!\w)[~./\\]*\w+(?:[/\\]\w[\w.-]*)+         # paths
    | \w+(?:(?:\.|::|->)\w+)+(?:\(\))? | \w+\(\)    # dotted names and calls
    | \w*_\w+                                       # snake_case
    | \b[a-z]+[A-Z]\w*\b | \b[A-Z][a-z0-9]+[A-Z]\w* # camelCase
    | \b(?=\w*\d)(?=\w*[A-Za-z])\w+\b               # letters and digits in one
    | [#@]\w+ | \w+(?:\+\+|\#)
    | [=<>*/^|&;{}\\]+
    """,
    re.VERBOSE | re.DOTALL,
)
_NUMBER = re.compile(r"(?<![\w.])[+-]?\d+(?:[.,:/-]\d+)*(?:st|nd|rd|th)?(?!\w)")
_FIRST_SIGN = 0xE000  # of the code points that nobody uses: they stand where names with signs in them stood
_WORD = re.compile(r"[^\W\d_]+|[%$€£°\ue000-\uf8ff]")
_SENTENCE = re.compile(r"(?:^|[.!?:]\s+|\n)\W*([^\W\d_]+)")
_CONTRACTIONS = (
    ("can't", "can not"),
    ("won't", "will not"),
    ("n't", " not"),
    ("'s", " is"),
    ("'re", " are"),
    ("'m", " am"),
)
_WHETHER = re.compile(r"(is|are|does|do|did|was|were|can|will|has|have|should|may|must)\b")
_LATIN = re.compile(r"[a-zA-Z\u00c0-\u024f]")


@dataclass(frozen=True)
class Reading:
    """One text, taken apart. Two that are the same question have all of it in common."""

    exact: Sequence[str]
    """Placeholders, code, quotes, names with signs in them: to the letter, and in order."""
    numbers: Sequence[str]
    classes: Mapping[str, int]
    """How often it has a word of each class."""
    opening: str
    """yes_no where it asks whether, else ""."""
    words: Sequence[str]
    """What is left, one spelling for each meaning, in order."""
    names: frozenset[str]
    """Those of the words that are written with a capital where none has to be."""
    loose: frozenset[str]
    """Those of the words that may stand elsewhere. None where every word has its place."""
    is_english: bool


@dataclass(frozen=True)
class _Words:
    frames: re.Pattern[str]
    strange: frozenset[str]
    stop: frozenset[str]
    phrases: Sequence[tuple[re.Pattern[str], str]]
    same: Mapping[str, str]
    classes: Mapping[str, frozenset[str]]
    order: Mapping[str, frozenset[str]]
    numbers: Mapping[str, str]


@cache
def _known() -> _Words:
    given: dict[str, Any] = tomllib.loads((Path(__file__).parent / "words.toml").read_text())
    frames = "|".join(re.escape(frame) for frame in sorted(given["frames"], key=len, reverse=True))
    same = {_stem(word): _stem(group[0]) for group in given["same"] for word in group if " " not in word}
    numbers = {word: str(value) for value, word in enumerate(given["numbers"]["words"]) if word != "one"}
    numbers |= {word: f"{value}." for value, word in enumerate(given["numbers"]["ordinals"]) if word != "second"}
    return _Words(
        frames=re.compile(rf"\b(?:{frames})\b"),
        strange=frozenset(given["strange"]),
        stop=frozenset(given["stop"]),
        phrases=[
            *((re.compile(rf"\b{phrase}\b"), group[0]) for group in given["phrases"] for phrase in group[1:]),
            *(
                (re.compile(rf"\b{word}\b"), group[0].replace(" ", ""))
                for group in given["same"]
                for word in group
                if " " in word
            ),
        ],
        same=same | {_stem(group[0].replace(" ", "")): _stem(group[0].replace(" ", "")) for group in given["same"]},
        classes={name: frozenset(words) for name, words in given["classes"].items()},
        order={name: frozenset(words) for name, words in given["order"].items()},
        numbers=numbers,
    )


def read(text: str) -> Reading:
    """The text's parts."""
    known = _known()
    text = unicodedata.normalize("NFKC", text).replace("’", "'")
    exact = [found[0] for found in _EXACT.finditer(text)]
    places = {name: f" {chr(_FIRST_SIGN + number)} " for number, name in enumerate(dict.fromkeys(exact))}
    spoken = _EXACT.sub(lambda found: places[found[0]], text)
    names = _names(spoken)
    plain = _plain(spoken)
    numbers = [_normal(found[0]) for found in _NUMBER.finditer(plain)]
    tokens = _WORD.findall(_NUMBER.sub(" ", plain))
    numbers += [known.numbers[token] for token in tokens if token in known.numbers]
    is_word = partial(_is_word, names=names)
    return Reading(
        exact=exact,
        numbers=numbers,
        classes=Counter(name for token in tokens for name, words in known.classes.items() if token in words),
        opening="yes_no" if _WHETHER.match(plain) else "",
        words=[_meaning(token) for token in tokens if is_word(token)],
        names=frozenset(map(_meaning, names)),
        loose=frozenset(_meaning(token) for token in _loose(tokens) if is_word(token)),
        is_english=_is_english(text, tokens),
    )


def _plain(spoken: str) -> str:
    """In lower case, without what is only politeness, in the same words for the same."""
    known = _known()
    plain = spoken.lower()
    for short, full in _CONTRACTIONS:
        plain = plain.replace(short, full)
    plain = " ".join(plain.split())
    for phrase, instead in known.phrases:
        plain = phrase.sub(instead, plain)
    return " ".join(known.frames.sub(" ", plain).split())


def _is_word(token: str, names: frozenset[str]) -> bool:
    known = _known()
    if token in known.numbers:
        return False
    is_read = token in known.stop or any(token in words for words in known.classes.values())
    return token in names or not is_read


def _loose(tokens: Sequence[str]) -> Iterator[str]:
    order = _known().order
    if not order["strict"].isdisjoint(tokens):
        return
    for place, token in enumerate(tokens):
        if token in order["loose"]:
            behind = (word for word in tokens[place + 1 :] if word not in order["determiners"])
            yield from islice(behind, 1)


def _names(text: str) -> frozenset[str]:
    """Capitalised words, lower case; the first of a sentence is none unless all of it is capital."""
    firsts = {found.start(1) for found in _SENTENCE.finditer(text)}
    return frozenset(_capitals(text, firsts))


def _capitals(text: str, firsts: set[int]) -> Iterator[str]:
    for found in _WORD.finditer(text):
        word = found[0]
        is_acronym = len(word) > 1 and word.isupper()
        if is_acronym or (word[0].isupper() and word != "I" and found.start() not in firsts):
            yield word.lower()


def _normal(number: str) -> str:
    return re.sub(r"[,](?=\d{3}\b)", "", number).removeprefix("+")


def _meaning(word: str) -> str:
    stem = _stem(word)
    return _known().same.get(stem, stem)


def _stem(word: str) -> str:
    """What plural, tense and adverb leave; not meant to be read."""
    for ending in ("'s", "ies", "ing", "ed", "es", "s", "ly", "e", "y"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            word = word.removesuffix(ending) + ("y" if ending == "ies" else "")
            break
    if len(word) > 3 and word[-1] == word[-2]:
        word = word[:-1]
    return word.removesuffix("e").removesuffix("y") if len(word) > 4 else word


def _is_english(text: str, tokens: Sequence[str]) -> bool:
    """Latin letters, and its function words rather than those of another language."""
    if any(letter.isalpha() and not _LATIN.match(letter) for letter in text):
        return False
    strange = sum(token in _known().strange for token in tokens)
    return strange == 0 or strange < sum(token in _known().stop for token in tokens) / 2
