"""One order from two: how alike in meaning, and which words in common.

Scores are fused, not ranks: where one part is weak for a kind of question, its rank is worth little, and its score
says so (docs/rag.md has the figures).
"""

from collections.abc import Sequence

from proxy.knowledge.passages import Hit, Mode, Scores

ALPHA = 0.7
"""The weight of the vectors."""


def fuse(hits: Sequence[Hit], *, mode: Mode = "hybrid", alpha: float = ALPHA) -> list[Scores]:
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
