"""One client's body must not keep the event loop from all others."""

import time

import pytest

from proxy.formats import document
from proxy.formats.document import Document, Malformed

_SECONDS = 2.0  # what a quadratic reader would need is many times that, on any machine


@pytest.mark.parametrize(
    "raw",
    [
        b'{"a":"' + b'[\\"' * 40_000,
        b'{"a":"' + b'[\\"' * 40_000 + b"\\",
        b"[" * 10_000 + b'"\\' * 40_000,
        b'["",' * 40_000,
        b'{"a":"' + b"[" * 10_000 + b"\\" * 80_001,
    ],
    ids=["string without end", "backslash at the end", "quotes and backslashes", "tiny strings", "backslashes only"],
)
def test_text_that_only_looks_like_json_is_refused_in_linear_time(raw: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(document, "MAX_VALUES", 1000)  # so that a small body takes the path of a huge one
    started = time.perf_counter()
    with pytest.raises(Malformed):
        Document.parse(raw)
    assert time.perf_counter() - started < _SECONDS


@pytest.mark.parametrize(
    "text",
    [rb"[,{" * 500, rb"\"[," * 500, rb"\\\\\"[," * 500, rb"\\" * 500 + b"[,"],
    ids=["plain", "escaped quotes", "escaped backslashes", "even backslashes before the end"],
)
def test_brackets_inside_a_text_are_not_counted_however_it_is_escaped(
    text: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(document, "MAX_VALUES", 10)
    assert Document.parse(b'{"a":"%b","b":"\\\\"}' % text).get("b") == "\\"


def test_values_behind_a_text_that_ends_in_a_backslash_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(document, "MAX_VALUES", 10)
    with pytest.raises(Malformed, match="more than 10 values"):
        Document.parse(rb'{"a":"\\","b":[' + b"1," * 20 + b"1]}")
