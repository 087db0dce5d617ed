"""Placeholders go out, come back in pieces cut anywhere or written a little differently, and become values again."""

import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.privacy import placeholders as made_of
from proxy.privacy.placeholders import Placeholders
from proxy.privacy.restoring import Restorer

KEY = bytes(range(32))
TYPES = ("PERSON", "EMAIL_ADDRESS", "AWS_KEY")
# Text that provokes: brackets, escapes, beginnings of placeholders, and looks-like ones.
TRICKY = st.lists(
    st.sampled_from(
        [
            "[",
            "]",
            "\\",
            "\\[",
            "_",
            " ",
            "PERSON",
            "person ",
            "[PERSON_",
            "[EMAIL",
            "\\_",
            "[PERSON_ABCDEFGH]",
            "\n",
            "é",
            "x",
        ]
    )
    | st.text(max_size=5),
    max_size=12,
).map("".join)
VALUES = st.text(min_size=1, max_size=12).filter(lambda text: text.encode("utf-8", "ignore").decode() == text)
PARTS = st.lists(st.tuples(TRICKY, st.sampled_from(TYPES), VALUES), max_size=4)


def scrubbed(parts: list[tuple[str, str, str]], stand_ins: Placeholders) -> str:
    return "".join(before + stand_ins.stand_in(kind, value) for before, kind, value in parts)


def whole_json(restorer: Restorer, text: str) -> str:
    stream = restorer.stream(is_json=True)
    return stream.feed(text) + stream.flush()


def pieces(text: str, cuts: list[int]) -> list[str]:
    places = sorted({min(cut, len(text)) for cut in cuts} | {0, len(text)})
    return [text[begin:end] for begin, end in zip(places, places[1:], strict=False)]


@given(PARTS, TRICKY, st.lists(st.integers(0, 300), max_size=40))
@settings(deadline=None)
def test_a_text_cut_anywhere_comes_back_as_it_was(
    parts: list[tuple[str, str, str]], tail: str, cuts: list[int]
) -> None:
    stand_ins = Placeholders(KEY)
    sent = scrubbed(parts, stand_ins) + tail
    original = "".join(before + value for before, _kind, value in parts) + tail
    restorer = Restorer(stand_ins)
    stream = restorer.stream(is_json=False)
    assert "".join(map(stream.feed, pieces(sent, cuts))) + stream.flush() == original
    assert Restorer(stand_ins).text(sent) == original


@given(PARTS, TRICKY, st.lists(st.integers(0, 400), max_size=40), st.booleans())
@settings(deadline=None)
def test_json_cut_anywhere_holds_the_values_escaped(
    parts: list[tuple[str, str, str]], tail: str, cuts: list[int], ascii_only: bool
) -> None:
    stand_ins = Placeholders(KEY)
    sent = json.dumps({"a": scrubbed(parts, stand_ins) + tail, "b": [tail]}, ensure_ascii=ascii_only)
    original = {"a": "".join(before + value for before, _kind, value in parts) + tail, "b": [tail]}
    stream = Restorer(stand_ins).stream(is_json=True)
    got = "".join(map(stream.feed, pieces(sent, cuts))) + stream.flush()
    assert json.loads(got) == original
    assert Restorer(stand_ins).value(json.loads(sent)["a"]) == original["a"]


@pytest.mark.parametrize(
    "written",
    [
        "[PERSON_{}]",
        "PERSON_{}",
        "person_{}",
        "[person_{}]",
        "Person {}",
        "[ PERSON_{} ]",
        r"\[PERSON\_{}\]",
        r"PERSON\_{}",
        "PERSON-{}",
    ],
)
@pytest.mark.parametrize("after", ["", ".", " said", "\n", "'s"])
def test_placeholders_that_a_model_wrote_differently_are_put_back(written: str, after: str) -> None:
    stand_ins = Placeholders(KEY)
    code = stand_ins.stand_in("PERSON", "Jane Doe")[8:-1]
    text = "Ask " + written.format(code) + after
    for form in (text, text.replace(code, code.lower())):
        restorer = Restorer(stand_ins)
        stream = restorer.stream(is_json=False)
        assert "".join(map(stream.feed, form)) + stream.flush() == "Ask Jane Doe" + after
        assert restorer.counts["altered"] + restorer.counts["exact"] == 1


def test_only_one_pair_of_brackets_is_taken_and_only_where_both_are_there() -> None:
    stand_ins = Placeholders(KEY)
    token = stand_ins.stand_in("PERSON", "Jane")
    restorer = Restorer(stand_ins)
    assert restorer.text(f"[{token}]({token}) [{token[1:-1]}, x] {token[:-1]}") == "[Jane](Jane) [Jane, x] [Jane"


def test_what_is_not_of_this_request_is_left_alone_and_counted() -> None:
    stand_ins = Placeholders(KEY)
    stand_ins.stand_in("PERSON", "Jane")
    foreign = Placeholders(KEY).stand_in("PERSON", "John")
    restorer = Restorer(stand_ins)
    assert restorer.text(f"{foreign} and PERSONS") == f"{foreign} and PERSONS"
    assert restorer.counts == {"unknown": 1}


def test_a_placeholder_inside_a_longer_word_is_left_alone() -> None:
    stand_ins = Placeholders(KEY)
    bare = stand_ins.stand_in("PERSON", "Jane")[1:-1]
    stream = Restorer(stand_ins).stream(is_json=False)
    assert "".join([stream.feed("x"), stream.feed(bare), stream.feed("y "), stream.flush()]) == f"x{bare}y "


def test_a_line_break_escaped_in_json_is_no_part_of_a_word() -> None:
    stand_ins = Placeholders(KEY)
    bare = stand_ins.stand_in("PERSON", "Jane")[1:-1]
    assert whole_json(Restorer(stand_ins), rf'{{"a":"x\n{bare}"}}') == r'{"a":"x\nJane"}'


def test_text_is_held_back_only_while_it_could_become_one_of_this_requests_placeholders() -> None:
    stand_ins = Placeholders(KEY)
    code = stand_ins.stand_in("PERSON", "Jane")[8:-1]
    stream = Restorer(stand_ins).stream(is_json=False)
    assert stream.feed("see [1]") == "see [1]"
    assert stream.feed("[") == ""
    assert stream.feed("x") == "[x"
    assert stream.feed(" a person ") == " a "
    assert stream.feed("who") == "person who" or code[0] == "W"
    assert stream.feed(f"[PERSON_{code}") == ""
    assert stream.feed("]!") == "Jane!"


def test_secrets_stay_out_of_what_people_read_and_go_into_what_tools_are_given() -> None:
    stand_ins = Placeholders(KEY)
    token = stand_ins.stand_in("AWS_KEY", 'AK"IA')
    restorer = Restorer(stand_ins, kept_in_text={"AWS_KEY"})
    assert restorer.text(token) == token
    assert json.loads(whole_json(restorer, json.dumps([token]))) == ['AK"IA']
    assert restorer.counts == {"kept": 1, "exact": 1}
    assert whole_json(Restorer(stand_ins, kept_in_inputs={"AWS_KEY"}), token) == token


def test_a_value_has_one_placeholder_in_every_request_of_a_tenant_and_another_in_another_tenant() -> None:
    token = Placeholders(KEY).stand_in("PERSON", "Jane")
    assert re.fullmatch(r"\[PERSON_[0-9A-HJKMNP-TV-Z]{8}\]", token)
    assert Placeholders(KEY).stand_in("PERSON", "Jane") == token
    assert (
        len({token, Placeholders(bytes(32)).stand_in("PERSON", "Jane"), Placeholders(KEY).stand_in("X", "Jane")}) == 3
    )


def test_where_codes_collide_the_later_one_is_lengthened(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(made_of, "code_of", lambda _key, _type, value: "ABCDEFGH" + value.upper() * 24)
    stand_ins = Placeholders(KEY)
    assert [stand_ins.stand_in("PERSON", value) for value in "xyx"] == [
        "[PERSON_ABCDEFGH]",
        "[PERSON_ABCDEFGHYYYY]",
        "[PERSON_ABCDEFGH]",
    ]
    assert Restorer(stand_ins).text("[PERSON_ABCDEFGHYYYY] [PERSON_ABCDEFGH]") == "y x"


def test_no_value_is_printed() -> None:
    stand_ins = Placeholders(KEY)
    stand_ins.stand_in("PERSON", "Jane")
    assert repr(stand_ins) == "Placeholders({'PERSON': 1})"
