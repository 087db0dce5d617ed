"""What words and vectors count, by how something is asked."""

import pytest

from proxy.knowledge import fusion


@pytest.mark.parametrize(
    ("question", "alpha"),
    [
        ("removeAttributeNode() (xml.dom.Element method)", 0.5),
        ("parental leave policy", 0.5),
        ("How do I take my leave?", 0.9),
        ("how do i book a train", 0.9),
        ("leave in the second year of work", 0.5 + 0.4 * (3 / 7 - 0.1) / 0.4),
        ("Wie viele Tage Urlaub stehen mir zu?", 0.7),
        ("", 0.5),
    ],
)
def test_names_are_found_by_words_and_questions_by_meaning(question: str, alpha: float) -> None:
    assert fusion.alpha_of(question) == pytest.approx(alpha)
