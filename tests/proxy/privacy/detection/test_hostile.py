"""Text made to cost time or to break offsets."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.privacy.detection import overlaps, scan
from proxy.privacy.detection.names import windows
from proxy.privacy.detection.recognisers import tables

PIECES = (
    *(
        "a@b.cc ",
        "+49 30 123456",
        "4111 1111 1111 1111",
        "password='",
        "postgres://u:",
        "-----BEGIN PRIVATE KEY-----",
        "eyJ",
    ),
    *(
        "name,email\n",
        "INSERT INTO t (name, email) VALUES (",
        "1.2.3.4",
        "::1",
        "Ünï",
        "🙂",
        "\n",
        "\0",
        "\ud800",
        "«",
        '"',
    ),
)
MILLION = {
    "addresses": "a@",
    "long local parts": "a.",
    "digits": "1234567890",
    "spaced digits": "1 2-3.",
    "tokens without end": "eyJ",
    "key heads": "-----BEGIN PRIVATE KEY-----",
    "addresses with passwords": "a://b:c",
    "assignments": 'password="',
    "nested": "((((",
    "capitals": "Aa ",
    "table heads": "name,email\n",
    "inserts": "INSERT INTO t (name, email) VALUES ('a', ",
    "quotes": "'\"",
    "streets": "1 Aa ",
    "colons": "ab:",
}
SECONDS_FOR_A_MILLION = 60  # linear takes one to five; quadratic would take hours


@given(st.lists(st.one_of(st.text(max_size=20), st.sampled_from(PIECES)), max_size=30))
@settings(deadline=None, max_examples=150)
def test_offsets_are_inside_the_text(pieces: list[str]) -> None:
    text = "".join(pieces)
    findings = scan.scanner((), ()).scan(text)
    assert all(0 <= one.start < one.end <= len(text) and 0 <= one.score <= 1 for one in findings)
    kept = overlaps.resolve(findings)
    assert all(one.end <= other.start for one, other in zip(kept, kept[1:], strict=False))


@given(st.lists(st.one_of(st.text(max_size=30), st.sampled_from(("Ann Lee ", "\n", "x" * 500, ". "))), max_size=60))
@settings(deadline=None)
def test_windows_are_in_order_and_bounded(pieces: list[str]) -> None:
    text = "".join(pieces)
    cut = list(windows.cut(text))
    assert all(0 < end - start <= windows.WINDOW_CHARS for start, end in cut)
    assert all(end <= start for (_, end), (start, _) in zip(cut, cut[1:], strict=False))


@pytest.mark.slow
@pytest.mark.parametrize("name", MILLION)
def test_a_million_characters_cost_linear_time(name: str) -> None:
    piece = MILLION[name]
    text = piece * (1_000_000 // len(piece))
    started = time.process_time()
    overlaps.resolve(scan.scanner((), ()).scan(text))
    list(windows.cut(text))
    assert time.process_time() - started < SECONDS_FOR_A_MILLION


def test_a_table_of_unequal_rows_ends_where_they_differ() -> None:
    text = "name,email\nAda Lovelace,a@b.cc\nAda Byron\nMary Somerville,m@b.cc\n"
    found = tables.TableRecognizer().analyze(text, [])
    assert [text[one.start : one.end] for one in found] == ["Ada Lovelace"]
