"""The header x-llmp-rag says what a request is given, and where it cannot be followed it says why."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.call import Passages, Wanted
from proxy.knowledge.turns import control

SETTINGS = Wanted(collections=("handbook",), top_k=4, form="document")
MAY_USE = Passages({"handbook": False, "policies": True}, SETTINGS, b"s")
NOTHING_SET = Passages({"handbook": False}, Wanted(), b"s")


@pytest.mark.parametrize(
    ("header", "changes"),
    [
        ("", {}),
        ("policies", {"collections": ("policies",)}),
        (" policies , handbook ", {"collections": ("policies", "handbook")}),
        ("handbook,top_k=3", {"top_k": 3}),
        ("top_k = 3, min_score=0.45", {"top_k": 3, "min_score": 0.45}),
        ("tool=on", {"tool": True}),
        ("as=text,max_tokens=99,citations=off", {"form": "text", "max_tokens": 99, "citations": False}),
    ],
)
def test_it_stands_over_the_settings(header: str, changes: dict[str, Any]) -> None:
    expected = {name: getattr(SETTINGS, name) for name in SETTINGS.__slots__} | changes
    assert control.wanted(header, MAY_USE) == Wanted(**expected)


def test_off_and_no_settings_are_nothing() -> None:
    assert control.wanted(" off ", MAY_USE) is None
    assert control.wanted("", NOTHING_SET) is None
    assert control.wanted("", None) is None
    assert control.wanted("off", None) is None


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ("off,handbook", "give off alone"),
        ("handbook,", "give off alone"),
        ("=3", "give off alone"),
        ("handbook,handbook", "'handbook' is given twice"),
        ("top_k=1,top_k=2", "'top_k' is given twice"),
        ("k=3", "'k' is unknown. Known here: top_k, min_score, as, max_tokens, citations"),
        ("top_k=many", "top_k: give a whole number from 1 to 50"),
        ("top_k=51", "top_k: give a whole number from 1 to 50"),
        ("min_score=nan", "min_score: give a number from 0 to 1"),
        ("as=xml", "as: it must be one of search_result, document, text"),
        ("citations=perhaps", "citations: it must be true or false"),
    ],
)
def test_what_cannot_be_followed_is_refused(header: str, words: str) -> None:
    with pytest.raises(control.BadControl, match=words):
        control.wanted(header, MAY_USE)


def test_a_foreign_collection_is_unknown_like_one_that_is_not_there() -> None:
    def refusal(header: str, passages: Passages | None) -> str:
        with pytest.raises(control.BadControl) as refused:
            control.wanted(header, passages)
        return str(refused.value).replace(header, "NAME")

    said = {refusal(name, who) for name in ("payroll", "ghost") for who in (MAY_USE, NOTHING_SET, None)}
    assert said == {"there is no collection 'NAME' that this key may use."}
    with pytest.raises(control.BadControl, match="name a collection"):
        control.wanted("top_k=3", NOTHING_SET)


@given(st.text(alphabet="off,=handbook top_kas.citaon019-+e\u00e9", max_size=30) | st.text(max_size=30))
def test_anything_else_is_a_refusal_and_no_defect(header: str) -> None:
    try:
        found = control.wanted(header, MAY_USE)
    except control.BadControl:
        return
    assert found is None or set(found.collections) <= {"handbook", "policies"}
