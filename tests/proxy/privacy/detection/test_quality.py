"""What `make eval-pii` measures may not get worse than what docs/privacy.md promises."""

from collections.abc import Sequence
from functools import cache

import pytest

from benchmarks.pii import claude_code, fill, held_out, people, scoring, systems
from tests.journeys.clients import installs

FORMS = ("CREDIT_CARD", "EMAIL_ADDRESS", "IBAN_CODE", "IP_ADDRESS", "PHONE_NUMBER", "SECRET", "US_SSN")

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("detection-quality")]


@cache
def outcomes() -> Sequence[scoring.Outcome]:
    find = systems.ours()
    texts = fill.corpus(held_out.TEMPLATES, people.HELD_OUT_LOCALES, each=1, seed=7)
    return [scoring.compare(text, find(text.text)) for text in texts]


def test_what_has_a_form_is_found_and_little_else() -> None:
    counts = scoring.total(outcomes(), FORMS)
    assert counts.recall >= 0.97 and counts.precision >= 0.97


def test_phone_numbers_are_found_and_little_else() -> None:
    counts = scoring.total(outcomes(), ("PHONE_NUMBER",))
    assert counts.recall >= 0.95 and counts.precision >= 0.97  # 64 of them: one more or less is 0.016


def test_names_are_found_in_eight_countries() -> None:
    counts = scoring.total(outcomes(), ("PERSON",))
    assert counts.recall >= 0.95 and counts.precision >= 0.9


def test_postal_addresses_are_found_and_hardly_anything_else() -> None:
    counts = scoring.total(outcomes(), ("ADDRESS",))
    assert counts.recall >= 0.9 and counts.precision >= 0.95


@pytest.mark.clients
def test_claude_codes_own_prompt_and_tools_hold_nothing() -> None:
    try:
        texts = claude_code.texts(claude_code.request())
    except installs.Missing as missing:
        pytest.skip(str(missing))
    assert sum(map(len, texts)) > 20_000
    find = systems.ours()
    assert [text[one.start : one.end] for text in texts for one in find(text)] == []
