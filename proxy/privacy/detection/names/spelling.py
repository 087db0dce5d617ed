"""Which words that the model takes for names are names: rules of spelling and of what stands beside them."""

import re
from collections.abc import Iterator, Sequence
from functools import partial

from proxy.privacy.detection.names import words
from proxy.privacy.detection.names.rampart import NAME, Word

_LEAST_SCORE = 0.5
_LEAST_SCORE_ALONE = 0.7
_LEAST_SCORE_LOWER = 0.85  # two words or more without a capital
_LEAST_SCORE_UPPER = 0.9  # or in capitals
_LEAST_SCORE_LOWER_ALONE = 0.9  # and after a word that people stand behind
_NEVER = 2.0
_CODE_BEFORE = frozenset("._/\\$@#=([{<-+*&|~%:`0123456789")
_CODE_AFTER = frozenset("_/\\$@#=([{-+*&|~%`0123456789")
_JOINS = re.compile(r"[ \t]{1,2}|[-'’]")
_AFTER_INITIAL = re.compile(r"\.[ ]?")
_NEXT_WORD = re.compile(r"[ ](?:[^\W\d_]\.[ ]?){0,2}([^\W\d_][^\W\d_'’-]*(?:[-'’][^\W\d_]+)*)")
_LAST_WORD = re.compile(r"(?<![\w'’.-])([^\W\d_]+(?:[-'’][^\W\d_]+)*)[ ]$")


def people(text: str, read: Sequence[Word]) -> Iterator[tuple[int, int, float]]:
    """Start, end and score of each name."""
    for run in map(partial(_without_verbs, text), _runs(text, read)):
        start, end = run[0].start, run[-1].end
        score = max(word.score for word in run)
        if _is_plausible(text, start, end):
            start, end = _grown(text, start, end)
            if score >= _least_score(text, start, end):
                yield start, end, round(score, 3)


def _least_score(text: str, start: int, end: int) -> float:
    """How sure the model has to be of a name spelt so, at this place."""
    name = text[start:end]
    is_alone = not any(map(str.isspace, name))
    is_lower = not any(map(str.isupper, name))
    if is_alone and is_lower:
        return _LEAST_SCORE_LOWER_ALONE if words.PERSON_CUE.search(text, max(0, start - 20), start) else _NEVER
    if is_alone:
        return _NEVER if name.isupper() else _LEAST_SCORE_ALONE
    if is_lower:
        return _LEAST_SCORE_LOWER
    return _LEAST_SCORE_UPPER if name.isupper() else _LEAST_SCORE


def _runs(text: str, read: Sequence[Word]) -> Iterator[list[Word]]:
    """Words of names that belong together."""
    run: list[Word] = []
    for word in read:
        if word.kind != NAME or word.score < _LEAST_SCORE or not text[word.start : word.end][:1].isalpha():
            if run and word.end - word.start == 1 and text[word.start] in ".'’-":
                continue  # inside a name, or after it: the gap decides
            if run:
                yield run
            run = []
            continue
        if run and not _are_joined(text, run[-1], word):
            yield run
            run = []
        run.append(word)
    if run:
        yield run


def _without_verbs(text: str, run: list[Word]) -> list[Word]:
    """ "Brian shouted": the model takes the common word beside a capitalised name for a part of it."""

    def is_more(word: Word) -> bool:
        return text[word.start].islower() and words.is_common(text[word.start : word.end])

    if not any(text[word.start].isupper() for word in run):
        return run
    first = next(at for at, word in enumerate(run) if not is_more(word))
    last = next(at for at in range(len(run), 0, -1) if not is_more(run[at - 1]))
    return run[first:last]


def _are_joined(text: str, word: Word, following: Word) -> bool:
    if _JOINS.fullmatch(text, word.end, following.start):
        return True
    is_initial = word.end - word.start == 1
    return is_initial and _AFTER_INITIAL.fullmatch(text, word.end, following.start) is not None


def _is_plausible(text: str, start: int, end: int) -> bool:
    name = text[start:end]
    if len(name) < 3 or any(map(str.isdigit, name)) or words.CAMEL_CASE.search(name):
        return False
    before, after = text[start - 1 : start], text[end : end + 1]
    if before in _CODE_BEFORE and before and not _is_prose_before(text, start):
        return False
    if after and after in _CODE_AFTER or (after == "." and text[end + 1 : end + 2].isalnum()):
        return False
    if before in "\"'" and before and text[end : end + 2] in ('":', "':"):
        return False  # the key of a mapping
    if after == "(" or (after == ":" and text[end + 1 : end + 2] == ":"):
        return False
    return any(words.stem(part) not in words.NOT_NAMES for part in name.split())


def _is_prose_before(text: str, start: int) -> bool:
    """Whether the mark before a name is one that stands there in prose too: "(Ann", "to:Ann", "-Ann"."""
    mark, before = text[start - 1], text[start - 2 : start - 1]
    if mark in "([<@":
        return before in " \n\t" or not before if mark != "@" else before in " \n"
    return mark in ":-=" and (not before or not before.isalnum() or mark in ":=")


def _grown(text: str, start: int, end: int) -> tuple[int, int]:
    """With the capitalised word on either side that the model left out: a surname it does not know."""
    after = _NEXT_WORD.match(text, end)
    if after and is_capitalised_name(after[1]):
        end = after.end()
    before = _LAST_WORD.search(text, max(0, start - 30), start)
    if before and is_capitalised_name(before[1]) and not _opens_sentence(text, before.start()):
        start = before.start(1)
    return start, end


def mentions(text: str, people: Sequence[tuple[int, int, float]]) -> Iterator[tuple[int, int, float]]:
    """Where somebody of several names is called by one of them."""
    parts = {
        part: score
        for start, end, score in people
        if len(names := re.split(r"[\s.]+", text[start:end])) > 1
        for part in names
        if is_capitalised_name(part) and part.lower() not in words.ALSO_WORDS
    }
    for part, score in parts.items():
        for match in re.finditer(rf"(?<![\w.@/\\$#-]){re.escape(part)}(?![\w(\[@/\\=$-])", text):
            if all(match.end() <= start or end <= match.start() for start, end, _ in people):
                yield match.start(), match.end(), score


def is_capitalised_name(word: str) -> bool:
    """Whether the word is spelt as a name is, and not one that only looks like it."""
    is_capitalised = len(word) > 2 and word[0].isupper() and any(map(str.islower, word[1:]))
    return is_capitalised and words.stem(word) not in words.NOT_NAMES and not words.CAMEL_CASE.search(word)


def _opens_sentence(text: str, start: int) -> bool:
    before = text[:start].rstrip(" \t")[-1:]
    return not before or before in ".!?:\n"
