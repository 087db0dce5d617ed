"""Costs are exact integers, and the right row of the price list counts."""

from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from proxy.formats.usage import Usage
from proxy.ledger import prices
from proxy.ledger.prices import PriceBook, Quote, Rate

NOW = datetime(2026, 11, 24, tzinfo=UTC)
COUNTS = [field.name for field in fields(Usage) if field.name != "thinking_tokens"]

usages = st.builds(Usage, **{name: st.integers(0, 10**9) for name in COUNTS})
quotes = st.builds(
    Quote,
    id=st.just(1),
    is_default=st.just(False),
    **{field.name: st.integers(0, 10**15) for field in fields(Quote) if field.name.endswith("_nano")},
)


def quote(id: int, *, usd: int = 1, is_default: bool = False) -> Quote:
    return Quote(id, is_default, *[usd * 10**9] * 5)


def rate(glob: str, id: int, *, above: int = 0, since: datetime = NOW - timedelta(days=100)) -> Rate:
    return Rate(glob, since, above, quote(id, is_default=glob == "*"))


def sum_of(first: Usage, second: Usage) -> Usage:
    return Usage(**{name: getattr(first, name) + getattr(second, name) for name in COUNTS})


SONNET = Quote(7, False, 2_000_000_000, 10_000_000_000, 2_500_000_000, 4_000_000_000, 100_000_000)


@pytest.mark.parametrize(
    ("usage", "nano_usd"),
    [
        (Usage(), 0),
        (Usage(input_tokens=1), 2_000),  # $2 a million is $0.000002 each
        (Usage(output_tokens=1_000_000), 10_000_000_000),
        (Usage(1_000, 500, 2_000, 3_000, 40_000), 2_000_000 + 5_000_000 + 5_000_000 + 12_000_000 + 4_000_000),
        (Usage(output_tokens=100, thinking_tokens=90), 1_000_000),  # thinking is a part of the output
    ],
)
def test_costs_agree_with_those_computed_by_hand(usage, nano_usd):
    assert prices.cost_nano_usd(usage, SONNET) == nano_usd


@pytest.mark.parametrize(("nano_per_million", "tokens", "cost"), [(1, 499_999, 0), (1, 500_000, 1), (3, 500_000, 2)])
def test_a_cost_is_rounded_once_and_half_up(nano_per_million, tokens, cost):
    price = replace(SONNET, input_nano=nano_per_million)
    assert prices.cost_nano_usd(Usage(input_tokens=tokens), price) == cost


def test_parts_of_a_nano_dollar_add_up_before_they_are_rounded():
    price = Quote(1, False, 1, 1, 1, 1, 1)
    assert prices.cost_nano_usd(Usage(200_000, 200_000, 200_000, 200_000, 200_000), price) == 1


@given(usages, quotes)
def test_a_cost_is_an_integer_and_never_negative(usage, price):
    cost = prices.cost_nano_usd(usage, price)
    assert type(cost) is int and cost >= 0


@given(usages, usages, quotes)
def test_two_calls_cost_what_one_of_both_would_but_for_the_rounding(first, second, price):
    apart = prices.cost_nano_usd(first, price) + prices.cost_nano_usd(second, price)
    assert abs(apart - prices.cost_nano_usd(sum_of(first, second), price)) <= 1


@given(usages, usages, quotes)
def test_more_tokens_never_cost_less(some, more, price):
    assert prices.cost_nano_usd(sum_of(some, more), price) >= prices.cost_nano_usd(some, price)


def test_the_longest_literal_glob_wins_whatever_the_order():
    rates = [rate("*", 1), rate("claude-*", 2), rate("claude-opus-4*", 3), rate("claude-opus-4-5*", 4)]
    for order in (rates, rates[::-1]):
        book = PriceBook(order)
        assert book.price_of("claude-opus-4-5-20251101", 0, NOW).id == 4
        assert book.price_of("claude-opus-4-1", 0, NOW).id == 3
        assert book.price_of("claude-next", 0, NOW).id == 2


def test_wildcards_do_not_count_as_literal():
    assert PriceBook([rate("claude-[a-z0-9_]*", 1), rate("claude-op*", 2)]).price_of("claude-opus", 0, NOW).id == 2


def test_a_snapshot_costs_what_its_model_costs_unless_it_has_a_row():
    book = PriceBook([rate("claude-x-4", 1), rate("claude-x-4-20260101", 2), rate("*", 9)])
    for name in ("claude-x-4", "claude-x-4-20250514", "claude-x-4@20250514", "claude-x-4-latest", "claude-x-4[1m]"):
        assert book.price_of(name, 0, NOW).id == 1
    assert book.price_of("claude-x-4-20260101", 0, NOW).id == 2
    assert book.price_of("claude-x-4-1", 0, NOW).id == 9


def test_a_tier_counts_only_above_its_threshold():
    book = PriceBook([rate("m", 1), rate("m", 2, above=100), rate("m", 3, above=1000)])
    assert [book.price_of("m", tokens, NOW).id for tokens in (0, 100, 101, 1000, 1001)] == [1, 1, 2, 2, 3]


def test_the_tier_goes_by_the_whole_prompt_cached_or_not():
    assert Usage(1, 1_000_000, 20, 300, 4000).prompt_tokens == 4321


def test_the_latest_price_in_effect_counts():
    book = PriceBook([rate("m", 1), rate("m", 2, since=NOW), rate("m", 3, since=NOW + timedelta(seconds=1))])
    assert book.price_of("m", 0, NOW - timedelta(seconds=1)).id == 1
    assert book.price_of("m", 0, NOW).id == 2
    assert book.price_of("m", 0, NOW + timedelta(seconds=1)).id == 3


def test_a_model_whose_price_is_not_in_effect_yet_has_the_next_best_one():
    book = PriceBook([rate("claude-*", 1), rate("claude-opus", 2, since=NOW + timedelta(days=1))])
    assert book.price_of("claude-opus", 0, NOW).id == 1


def test_an_unknown_model_is_charged_the_default_tier_and_named_once_in_the_log():
    book = PriceBook([rate("*", 9), rate("claude-opus", 1)])
    with capture_logs() as lines:
        assert [book.price_of("gpt-7", 0, NOW).is_default for _ in range(3)] == [True] * 3
        assert not book.price_of("claude-opus", 0, NOW).is_default
    assert [line["model"] for line in lines] == ["gpt-7"]


def test_many_unknown_models_do_not_flood_the_log():
    book = PriceBook([])
    with capture_logs() as lines:
        for number in range(1000):
            book.price_of(f"made-up-{number}", 0, NOW)
    assert len(lines) == 100


def test_an_empty_price_list_is_never_free():
    price = PriceBook([]).price_of("anything", 0, NOW)
    assert price.id is None and price.is_default
    assert prices.cost_nano_usd(Usage(1_000_000, 1_000_000), price) == 30 * 10**9


def test_answers_that_count_together_are_at_the_tier_of_the_longest_prompt():
    together = Usage(150, 5, thinking_tokens=3).plus(Usage(180, 6, 7, 8, 9))
    assert together == Usage(330, 11, 7, 8, 9, thinking_tokens=3, longest_prompt=204)
    assert prices.tier_tokens(together.plus(Usage(1))) == 204
    assert (together.prompt_tokens, prices.tier_tokens(Usage(150, 5))) == (354, 150)
