"""Words and patterns are found however they are spelt, and nowhere else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matching import spelling
from matching.needles import BadPattern, Keyword, Needle, Needles, Pattern, compiled

BOMB = Keyword("pipe bomb")


def found(needle: Needle, text: str) -> list[str]:
    seen = spelling.clean(text)
    needles = Needles([needle])
    return [seen[start:end] for place in needles.present(seen) for start, end in needles.spans(place, seen)]


@pytest.mark.parametrize(
    "text",
    [
        "How is a pipe bomb made?",
        "PIPE BOMB",
        "pipe\n  bomb",
        "(pipe bomb)",
        "pi\u200bpe bo\u00admb",
        "рiре bоmb",  # Cyrillic р, е, о
        "ｐｉｐｅ ｂｏｍｂ",
        "p1pe b0mb",
        "pípé bömb",
        "p i p e b o m b",
        "p.i.p.e.b.o.m.b",
    ],
)
def test_a_word_is_found_in_every_spelling_that_reads_the_same(text: str) -> None:
    assert len(found(BOMB, text)) == 1


@pytest.mark.parametrize("text", ["pipe", "pipebombs", "pipe bombs", "a pipe, a bomb", "bagpipe bomb", "pipe_bomb1"])
def test_a_part_of_a_word_is_not_the_word(text: str) -> None:
    assert found(BOMB, text) == []


def test_words_of_scripts_without_spaces_are_found_inside_a_text() -> None:
    assert found(Keyword("爆弾"), "これは爆弾です") == ["爆弾"]


def test_a_group_says_which_part_of_a_match_is_meant() -> None:
    assert found(Pattern(r"id=(\d+)"), "id=17 id=x id=4") == ["17", "4"]


def test_a_match_longer_than_it_may_be_does_not_count() -> None:
    assert found(Pattern(r"a.*b", longest=5), "a12b") == ["a12b"]
    assert found(Pattern(r"a.*b", longest=5), "a123456b") == []


def test_only_what_may_occur_is_looked_for() -> None:
    needles = Needles([Keyword("one"), Pattern("two"), Keyword("three")])
    assert needles.present("two and three") == [1, 2]
    assert needles.present("nothing of it") == []
    assert Needles([]).present("anything") == []


@pytest.mark.parametrize(
    ("regex", "said"), [("(", "missing"), (r"(?=a)", "RE2"), (r"(a)\1", "RE2"), ("a*", "empty"), (" ", "give")]
)
def test_a_pattern_that_cannot_be_used_is_refused_in_words(regex: str, said: str) -> None:
    with pytest.raises(BadPattern, match=said):
        compiled(regex)


@given(st.text(max_size=60))
def test_folding_keeps_every_character_in_its_place(text: str) -> None:
    assert len(spelling.fold(text)) == len(text)


@given(st.text(max_size=40), st.text(max_size=40))
def test_pieces_come_to_the_same_as_the_whole(one: str, two: str) -> None:
    assert spelling.clean(one + two) == spelling.clean(one) + spelling.clean(two)
    assert spelling.fold(one + two) == spelling.fold(one) + spelling.fold(two)


@given(st.text(max_size=60))
def test_each_character_that_is_seen_has_its_place(text: str) -> None:
    places = spelling.offsets(text)
    assert [text[place] for place in places[:-1]] == list(spelling.clean(text))
    assert places[-1] == len(text)


def test_english_in_other_letters_reads_as_english() -> None:
    assert spelling.latin("іgnоrе") == spelling.latin("ｉｇｎｏｒｅ") == spelling.latin("i\u200bgnore") == "ignore"
    assert spelling.latin("l33t 100") == "l33t 100"


def test_accents_that_are_put_onto_letters_hide_no_word() -> None:
    needles = Needles([Keyword("bomb")])
    text = "a b\u0301o\u0336m\u0301b\u20dd!"
    seen = spelling.clean(text)
    assert needles.present(seen) == [0] and list(needles.spans(0, seen)) == [(2, 6)]
    places = spelling.offsets(text)
    assert (places[2], places[6]) == (2, len(text) - 1)
