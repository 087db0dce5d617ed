"""Makes proxy/privacy/detection/names/common_words.txt: words that the model takes for no name, wherever they stand.

A window that holds nothing but these needs no reading. Run by hand when the model changes:
`.venv/bin/python -m benchmarks.pii.common_words`.
"""

import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from benchmarks.pii import negatives
from proxy.privacy.detection.names import model as files
from proxy.privacy.detection.names import rampart
from proxy.privacy.detection.names import words as lists

_SENTENCES = ("{} said that it works.", "ask {} about it")
_MOST_SCORE = 0.1
_LEAST_SEEN = 4
_BATCH = 64


def main() -> None:
    """Score the words of the model's own vocabulary and those of a few megabytes of code and documents."""
    model = rampart.Rampart()
    words = sorted(_vocabulary() | _seen())
    common = list(_common(model, words))
    Path(lists.__file__).with_name("common_words.txt").write_text("\n".join(common) + "\n")
    print(f"{len(common)} of {len(words)} words")


def _vocabulary() -> set[str]:
    tokens = (files.folder() / "vocab.txt").read_text().splitlines()
    return {token for token in tokens if re.fullmatch(r"[a-z]{2,}", token)}


def _seen() -> set[str]:
    count = Counter(
        word.lower()
        for _, _, text in negatives.texts(1_500_000)
        for word in re.findall(r"(?<![\w.])[A-Za-z][a-z]+(?![\w(])", text)
    )
    return {word for word, times in count.items() if times >= _LEAST_SEEN}


def _common(model: rampart.Rampart, words: list[str]) -> Iterable[str]:
    for first in range(0, len(words), _BATCH):
        batch = words[first : first + _BATCH]
        scores = [
            model.name_scores([_placed(sentence, word.capitalize()) for word in batch]) for sentence in _SENTENCES
        ]
        for word, most in zip(batch, map(max, zip(*scores, strict=True)), strict=True):
            if most < _MOST_SCORE:
                yield word


def _placed(sentence: str, word: str) -> tuple[str, int, int]:
    start = sentence.index("{}")
    return sentence.format(word), start, start + len(word)


if __name__ == "__main__":
    main()
