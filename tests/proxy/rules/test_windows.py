"""However a text is cut, the same is let go, covered up or stopped at; nothing of a match is let go before."""

from collections.abc import Sequence

from hypothesis import example, given
from hypothesis import strategies as st

from matching import spelling
from matching.needles import Keyword, Needle, Needles, Pattern
from proxy.rules.windows import REPLACEMENT, Hit, Stopped, Windows

WORD, CODE, ENDS, BEGINS = Keyword("bomb"), Pattern(r"CUST-\d{4}", 9), Pattern(r"end$", 3), Pattern(r"^start", 5)
NEEDLES: Sequence[Needle] = (WORD, CODE, ENDS, BEGINS)


def shown(pieces: Sequence[str], *, stops: bool = False, needles: Sequence[Needle] = NEEDLES) -> tuple[str, bool]:
    """What was let go, and whether it was stopped."""

    def decide(_hit: Hit) -> bool:
        if stops:
            raise Stopped
        return True

    windows = Windows(Needles(needles), decide)
    let_go = ""
    try:
        for piece in pieces:
            let_go += windows.feed(piece)
        return let_go + windows.finish(), False
    except Stopped:
        return let_go, True


PARTS = st.sampled_from(
    ["bomb", "b\u200bomb", "BОMB", " ", "x", "CUST-1234", "CUST-", "12", "start", "end", "\u00ad", "é", "a" * 20, "."]
)
TEXTS = st.lists(PARTS, max_size=12).map("".join)


def cut(text: str, places: Sequence[int]) -> list[str]:
    ends = [*sorted(place % (len(text) + 1) for place in places), len(text)]
    return [text[start:end] for start, end in zip([0, *ends[:-1]], ends, strict=True)]


@given(TEXTS, st.lists(st.integers(0, 200), max_size=20))
@example("bombbombbombbombbomb bombbombbombCUST-1234", [26])  # a step that begins inside a word
def test_any_cut_covers_up_the_same(text: str, places: list[int]) -> None:
    assert shown(cut(text, places)) == shown([text])


@given(TEXTS, st.lists(st.integers(0, 200), max_size=20))
def test_any_cut_is_stopped_or_not_alike_and_lets_nothing_of_a_match_go(text: str, places: list[int]) -> None:
    let_go, is_stopped = shown(cut(text, places), stops=True)
    assert is_stopped == shown([text], stops=True)[1]
    seen, needles = spelling.clean(text), Needles(NEEDLES)
    starts = [start for place in needles.present(seen) for start, _end in needles.spans(place, seen)]
    if is_stopped:
        assert len(spelling.clean(let_go)) <= min(starts)
    else:
        assert let_go == text


@given(TEXTS)
def test_a_text_without_a_match_is_let_go_to_the_letter(text: str) -> None:
    quiet = text.replace("b", "").replace("B", "").replace("C", "").replace("s", "").replace("e", "")
    assert shown(list(quiet)) == (quiet, False)


def test_what_is_covered_up_has_a_word_in_its_place() -> None:
    assert shown(["Call CUST-", "1234 and CUST-99", "99."])[0] == f"Call {REPLACEMENT} and {REPLACEMENT}."


def test_overlapping_matches_are_covered_up_once() -> None:
    both = (Pattern("abc", 3), Pattern("bcd", 3))
    assert shown(["xabcdx"], needles=both)[0] == f"x{REPLACEMENT}x"


def test_no_more_is_held_back_than_the_longest_match_and_a_step() -> None:
    windows = Windows(Needles([CODE]), lambda _hit: True)
    let_go = sum(len(windows.feed("y")) for _ in range(1000))
    assert 1000 - let_go <= 16 + 9 + 1


def test_a_flood_of_invisible_characters_is_not_held() -> None:
    windows = Windows(Needles([CODE]), lambda _hit: True)
    for _ in range(100):
        windows.feed("\u200b" * 1000)
    assert len(windows._raw) <= 20_000
