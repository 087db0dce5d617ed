"""The guard keeps apart what vectors find alike, and lets through what asks the same."""

import tomllib
from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.answers.likeness import guard, reading

PAIRS = Path(__file__).parents[3] / "benchmarks" / "likeness"
DIFFERENT = tomllib.loads((PAIRS / "different.toml").read_text())


def difference(one: str, other: str) -> str:
    return guard.difference(reading.read(one), reading.read(other))


@pytest.mark.parametrize("kind", DIFFERENT)
def test_of_the_labelled_pairs_that_only_look_alike_hardly_one_is_let_through(kind: str) -> None:
    let_through = [pair for pair in DIFFERENT[kind] if not difference(*pair)]
    assert len(let_through) <= (kind == "asking"), "the threshold keeps that one out"


def test_a_good_part_of_the_labelled_paraphrases_is_let_through() -> None:
    lines = [line.split(" | ") for line in (PAIRS / "same.txt").read_text().splitlines() if not line.startswith("#")]
    pairs = [two for line in lines for two in combinations(line, 2)]
    assert len(pairs) > 300
    assert sum(not difference(*pair) for pair in pairs) > 0.4 * len(pairs)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("How do I delete a branch in git?", "Can you please tell me how to remove a git branch"),
        ("What's the capital of France?", "What is the capital of france"),
        ("Summarize it in 3 points.", "summarise it in three points, please"),
        ("At what time does the office open?", "When does the office open?"),
        ("Where do I find my invoice?", "Where is my invoice?"),
        ("Call [PERSON_7K2M9QXA] today.", "Please call [PERSON_7K2M9QXA] today"),
    ],
)
def test_politeness_word_forms_and_known_synonyms_make_no_difference(one: str, other: str) -> None:
    assert difference(one, other) == difference(other, one) == ""


@pytest.mark.parametrize(
    ("one", "other", "kind"),
    [
        ("Call [PERSON_7K2M9QXA] today.", "Call [PERSON_00000000] today.", "code"),
        ("Call [PERSON_7K2M9QXA], not [PERSON_0AAAAAA0]", "Call [PERSON_0AAAAAA0], not [PERSON_7K2M9QXA]", "code"),
        ("Does MySQL beat Postgres?", "Does Postgres beat MySQL?", "order"),
        ("Is it 1,000 km?", "Is it 1000 km?", ""),
        ("Is it 1,5 km?", "Is it 15 km?", "numbers"),
        ("Can US citizens vote?", "Can us citizens vote?", "names"),
        ("Is it legal?", "Is it illegal?", "words"),
        ("Wie geht es dir und mir?", "Wie geht es dir und mir?", "language"),
        ("Как дела?", "Как дела?", "language"),
        ("Fix `a < b`", "Fix `a > b`", "code"),
        ("What is his name?", "What is her name?", "words"),
    ],
)
def test_a_difference_is_named(one: str, other: str, kind: str) -> None:
    assert difference(one, other) == difference(other, one) == kind


@given(st.text(max_size=200), st.text(max_size=200))
def test_any_text_can_be_read_and_differs_the_same_way_round(one: str, other: str) -> None:
    assert difference(one, other) == difference(other, one)
    assert difference(one, one) in ("", "language")


WORDS = ["to", "be", "or", "not", "in", "the", "7", "Paris", "`x`", "wife", "[A_00000000]", "and"]


@given(st.lists(st.sampled_from(WORDS), min_size=1))
def test_a_text_without_one_of_its_numbers_names_or_codes_is_another_question(words: list[str]) -> None:
    for place, word in enumerate(words):
        if word in {"7", "`x`", "[A_00000000]", "not"}:
            assert difference(" ".join(words), " ".join(words[:place] + words[place + 1 :])) != ""
