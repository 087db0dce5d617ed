"""One order from two: how alike in meaning, and which words in common.

Scores are fused, not ranks: where one part is weak for a kind of question, its rank is worth little, and its score
says so. Names are found by their words, questions by their meaning (docs/rag.md has the figures).
"""

from collections.abc import Sequence

from proxy.knowledge import words
from proxy.knowledge.passages import Hit, Mode, Scores

_OF_NAMES = 0.5
_OF_QUESTIONS = 0.9
_OF_EITHER = 0.7
_FEWEST, _MOST = 0.1, 0.5  # function words among all words: of names, and of questions


def alpha_of(question: str) -> float:
    """What the vectors count, 0 to 1: the more of the words say how something is asked, the more."""
    found = words.of(question)
    share = sum(word in words.FUNCTION_WORDS for word in found) / max(1, len(found))
    part = min(1.0, max(0.0, (share - _FEWEST) / (_MOST - _FEWEST)))
    alpha = _OF_NAMES + (_OF_QUESTIONS - _OF_NAMES) * part
    return max(alpha, _OF_EITHER) if question.rstrip().endswith("?") else alpha  # in another language than English


def fuse(hits: Sequence[Hit], *, mode: Mode = "hybrid", alpha: float = _OF_EITHER) -> list[Scores]:
    """A score from 0 to 1 for each hit: the parts, each stretched over what this search found."""
    weight = {"hybrid": alpha, "vectors": 1.0, "words": 0.0}[mode]
    least = min((hit.vector_score for hit in hits), default=0.0)
    span = max((hit.vector_score for hit in hits), default=0.0) - least
    most = max((hit.words_score for hit in hits), default=0.0)
    found = []
    for hit in hits:
        vector = (hit.vector_score - least) / span if span > 0 else 1.0
        words = hit.words_score / most if most > 0 else 0.0
        found.append(Scores(weight * vector + (1 - weight) * words, hit.vector_score, hit.words_score))
    return found
