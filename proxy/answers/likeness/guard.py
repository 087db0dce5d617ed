"""Whether two texts that mean about the same ask the same. Vectors are blind for what a word or a number changes.

Strict on purpose: what the guard does not understand is a difference, since a wrong answer costs more than a miss.
"""

from collections.abc import Collection, Sequence

from proxy.answers.likeness.reading import Reading


def difference(one: Reading, other: Reading) -> str:
    """In what the two differ, in a word; "" where they ask the same."""
    if not (one.is_english and other.is_english):
        return "language"
    parts = (("code", one.exact, other.exact), ("numbers", one.numbers, other.numbers))
    for name, ours, theirs in parts:
        if ours != theirs:
            return name
    for name in sorted(one.classes.keys() | other.classes.keys()):
        if one.classes.get(name, 0) != other.classes.get(name, 0):
            return name
    if one.opening != other.opening:
        return "opening"
    return _of_words(one, other)


def _of_words(one: Reading, other: Reading) -> str:
    ours, theirs = set(one.words), set(other.words)
    if unshared := ours ^ theirs:
        return "names" if unshared & (one.names | other.names) else "words"
    loose = one.loose | other.loose
    same_order = _in_order(one.words) == _in_order(other.words)
    return "" if same_order or _in_order(one.words, loose) == _in_order(other.words, loose) else "order"


def _in_order(words: Sequence[str], without: Collection[str] = ()) -> list[str]:
    return [word for word in dict.fromkeys(words) if word not in without]
