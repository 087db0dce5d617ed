"""A value that was recognised once is known wherever it stands later, and nothing earlier changes for it."""

from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.formats.texts import Leaf
from proxy.privacy.detection.detector import Found
from proxy.privacy.findings import Finding
from proxy.privacy.spreading import spread

NAME = "Jane Doe"


def leaves(*texts: str) -> list[Leaf]:
    return [Leaf(("messages", place), text, "user") for place, text in enumerate(texts)]


def cued(text: str) -> Found:
    """Recognises a name after a cue only, as a model that needs context does."""
    at = text.find(f"name: {NAME}")
    return (Finding(at + 6, at + 6 + len(NAME), "PERSON", 0.8),) if at >= 0 else ()


def spans(found: Found) -> list[tuple[int, int]]:
    return [(one.start, one.end) for one in found]


def test_later_texts_and_the_rest_of_the_same_text_are_covered_and_earlier_ones_are_not() -> None:
    texts = leaves(f"{NAME} before", f"name: {NAME}, {NAME}", f"(Jane Doe) x{NAME} {NAME}s {NAME}_1 é{NAME}")
    found = spread(texts, [cued(leaf.text) for leaf in texts])
    assert [spans(one) for one in found] == [[], [(6, 14), (16, 24)], [(1, 9)]]
    assert {one.entity_type for findings in found for one in findings} == {"PERSON"}


def test_common_words_and_short_values_are_not_spread() -> None:
    texts = leaves("Mark x 12345", "Mark 12345 done")
    found = [(Finding(0, 4, "PERSON", 0.9), Finding(7, 12, "TERM", 0.9)), ()]
    assert spread(texts, found) == found


def test_what_was_recognised_there_stays_as_it_is() -> None:
    texts = leaves(f"name: {NAME}", f"{NAME} Smith and {NAME}")
    found = [cued(texts[0].text), (Finding(0, 14, "PERSON", 0.7),)]
    assert spans(spread(texts, found)[1]) == [(0, 14), (19, 27)]


def test_values_do_not_span_texts() -> None:
    texts = leaves("a@b.example", "a@b.exam", "ple")
    assert [spans(one) for one in spread(texts, [(Finding(0, 11, "EMAIL_ADDRESS", 0.9),), (), ()])] == [
        [(0, 11)],
        [],
        [],
    ]


@given(
    st.lists(st.sampled_from([f"name: {NAME}", NAME, "code", f"x {NAME}."]), max_size=8),
    st.lists(st.sampled_from([f"name: {NAME}", NAME]), max_size=4),
)
@settings(deadline=None)
def test_what_comes_later_changes_nothing_before_it(turn: list[str], more: list[str]) -> None:
    before = spread(leaves(*turn), [cued(text) for text in turn])
    after = spread(leaves(*turn, *more), [cued(text) for text in (*turn, *more)])
    assert list(after[: len(turn)]) == list(before)
