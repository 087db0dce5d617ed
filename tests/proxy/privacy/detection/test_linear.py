"""Regular expressions on a text that is encoded once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.privacy.detection import linear


@given(st.text(), st.lists(st.sampled_from(["ÄB", "x1", "日本", "🙂"]), max_size=8))
def test_offsets_count_characters(filler: str, marks: list[str]) -> None:
    text = filler.join(["", *marks, ""])
    spans = list(linear.Subject(text).spans(linear.compiled("ÄB|x1|日本|🙂")))
    assert all(text[start:end] in ("ÄB", "x1", "日本", "🙂") for start, end in spans)
    assert len(spans) >= len(marks)


def test_a_lone_surrogate_counts_as_one_character() -> None:
    assert list(linear.Subject("\ud800 ab").spans(linear.compiled("ab"))) == [(2, 4)]


def test_the_first_group_is_what_is_found() -> None:
    assert list(linear.Subject("key=ab; key=cd").spans(linear.compiled("key=(.{2})"))) == [(4, 6), (12, 14)]


@pytest.mark.parametrize("regex", ["(?=a)b", r"(a)\1", "(", "a{5000}"])
def test_what_is_not_linear_is_refused(regex: str) -> None:
    with pytest.raises(linear.RegexRefused):
        linear.compiled(regex)


def test_the_prefilter_names_the_patterns_that_occur() -> None:
    prefilter = linear.Prefilter(["a+", "b", "zz"])
    assert list(prefilter(linear.Subject("xxaay zz"))) == [0, 2]
    assert list(prefilter(linear.Subject("nothing"[:3]))) == []


def test_a_prefilter_that_ran_out_of_memory_names_them_all() -> None:
    prefilter = linear.Prefilter(["a", "b"])
    prefilter._set = type("Exhausted", (), {"Match": staticmethod(lambda text: [])})()
    assert list(prefilter(linear.Subject("x"))) == [0, 1]


@given(st.text(max_size=40))
def test_a_literal_matches_itself_and_nothing_else(text: str) -> None:
    found = list(linear.Subject(f"<{text}>").spans(linear.compiled(f"<({linear.literal(text)})>")))
    assert found == [(1, len(text) + 1)]
