"""The price list that ships knows Anthropic's models, and says where it has each figure from."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from proxy.ledger import prices
from proxy.models import Price

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 24, tzinfo=UTC)


@pytest.mark.parametrize(
    ("model", "prompt", "dollars"),  # input, output, cache write 5 m, cache write 1 h, cache read
    [
        ("claude-fable-5-2", 0, "8 40 10 16 0.2"),
        ("claude-mythos-5-2", 900_000, "8 40 10 16 0.2"),
        ("claude-fable-5-1", 0, "10 50 12.5 20 0.25"),
        ("claude-mythos-5-1", 0, "10 50 12.5 20 0.25"),
        ("claude-fable-5", 0, "10 50 12.5 20 1"),
        ("claude-mythos-5", 0, "10 50 12.5 20 1"),
        ("claude-opus-5-5", 900_000, "4 20 5 8 0.2"),
        ("claude-opus-5", 0, "5 25 6.25 10 0.5"),
        ("claude-opus-4-8", 0, "5 25 6.25 10 0.5"),
        ("claude-opus-4-7", 0, "5 25 6.25 10 0.5"),
        ("claude-opus-4-6", 0, "5 25 6.25 10 0.5"),
        ("claude-opus-4-5", 0, "5 25 6.25 10 0.5"),
        ("claude-opus-4-5-20251101", 0, "5 25 6.25 10 0.5"),
        ("claude-opus-4-1-20250805", 0, "15 75 18.75 30 1.5"),
        ("claude-opus-4-0", 0, "15 75 18.75 30 1.5"),
        ("claude-opus-4-20250514", 0, "15 75 18.75 30 1.5"),
        ("claude-3-opus-20240229", 0, "15 75 18.75 30 1.5"),
        ("claude-sonnet-5-5", 900_000, "2 10 2.5 4 0.1"),
        ("claude-sonnet-5", 0, "2 10 2.5 4 0.2"),
        ("claude-sonnet-4-6", 900_000, "3 15 3.75 6 0.3"),
        ("claude-sonnet-4-5-20250929", 0, "3 15 3.75 6 0.3"),
        ("claude-sonnet-4-20250514", 0, "3 15 3.75 6 0.3"),
        ("claude-3-7-sonnet-20250219", 0, "3 15 3.75 6 0.3"),
        ("claude-3-5-sonnet-latest", 0, "3 15 3.75 6 0.3"),
        ("claude-haiku-5-5", 100_000, "0.1 0.5 0.125 0.2 0.01"),
        ("claude-haiku-5-5", 100_001, "0.5 2.5 0.625 1 0.05"),
        ("claude-haiku-4-5-20251001", 0, "1 5 1.25 2 0.1"),
        ("claude-3-5-haiku-20241022", 0, "0.8 4 1 1.6 0.08"),
        ("claude-3-haiku-20240307", 0, "0.25 1.25 0.3 0.5 0.03"),
    ],
)
def test_a_known_model_has_a_price_of_its_own(model, prompt, dollars):
    quote = prices.load().price_of(model, prompt, NOW)
    found = (
        quote.input_nano,
        quote.output_nano,
        quote.cache_write_5m_nano,
        quote.cache_write_1h_nano,
        quote.cache_read_nano,
    )
    assert found == tuple(int(Decimal(text) * 10**9) for text in dollars.split())
    assert not quote.is_default and quote.id is not None


@pytest.mark.parametrize("model", ["claude-opus-6", "claude-opus-5-6", "claude-haiku-5", "gpt-7", ""])
def test_any_other_model_is_charged_the_default_tier(model):
    quote = prices.load().price_of(model, 0, NOW)
    assert quote.is_default and (quote.input_nano, quote.output_nano) == (5 * 10**9, 25 * 10**9)


def test_every_row_names_its_source_and_is_valid():
    rows = list(Price.objects.all())
    assert len(rows) == 30
    for row in rows:
        row.full_clean(exclude=["id"])
        assert row.source


def test_a_wrong_clock_does_not_make_known_models_unknown():
    assert not prices.load().price_of("claude-haiku-5-5", 0, datetime(2021, 1, 1, tzinfo=UTC)).is_default
