"""What a call costs, in integers only.

cost = Σ over the kinds of tokens of (tokens × price of the kind per million tokens) ÷ 1,000,000

in nano-dollars (10⁻⁹ $), rounded once, half up. The kinds are the rows of Anthropic's price list
(https://platform.claude.com/docs/en/about-claude/pricing): input, output, cache write for five minutes, cache
write for an hour, cache read. Thinking is a part of the output and not counted again.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from fnmatch import translate

import structlog

from proxy.formats.usage import Usage
from proxy.models import Price

DEFAULT_GLOB = "*"
_TOKENS_PER_PRICE = 1_000_000
_MOST_MODELS = 10_000  # names come from clients: what is kept of them is bounded
_MOST_WARNINGS = 100

_WILDCARDS = re.compile(r"\[[^\]]*\]|[*?]")
# A snapshot costs what its model costs: claude-opus-4-5-20251101, claude-3-5-haiku-latest, claude-opus-5[1m].
_SNAPSHOT = re.compile(r"(?:[-@]20\d{6}|-latest)?(?:\[1m\])?$")

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Quote:
    """The price of one call's tokens, in nano-dollars per million of each kind."""

    id: int | None
    is_default: bool
    input_nano: int
    output_nano: int
    cache_write_5m_nano: int
    cache_write_1h_nano: int
    cache_read_nano: int


@dataclass(frozen=True, slots=True)
class Rate:
    """A quote and the calls that it holds for."""

    model_glob: str
    effective_from: datetime
    above_input_tokens: int
    quote: Quote


# Anthropic's Opus tier, by which its own gateway prices what it does not know. For a price list without a default.
_LAST_RESORT = Quote(
    id=None,
    is_default=True,
    input_nano=5_000_000_000,
    output_nano=25_000_000_000,
    cache_write_5m_nano=6_250_000_000,
    cache_write_1h_nano=10_000_000_000,
    cache_read_nano=500_000_000,
)


class PriceBook:
    """The price list as it stood when it was read."""

    def __init__(self, rates: Sequence[Rate]) -> None:
        ordered = sorted(rates, key=lambda rate: (rate.above_input_tokens, rate.effective_from), reverse=True)
        ordered.sort(key=lambda rate: (-_literal_chars(rate.model_glob), rate.model_glob))
        self._rates = [(re.compile(translate(rate.model_glob)), rate) for rate in ordered]
        self._by_model: dict[str, list[Rate]] = {}
        self._warned: set[str] = set()

    def price_of(self, model: str, prompt_tokens: int, at: datetime) -> Quote:
        """By the longest literal glob, then the highest tier that the prompt reaches, then the latest in effect."""
        for rate in self._candidates(model):
            reaches = rate.above_input_tokens == 0 or prompt_tokens > rate.above_input_tokens
            if reaches and rate.effective_from <= at:
                if rate.quote.is_default:
                    self._warn(model)
                return rate.quote
        self._warn(model)
        return _LAST_RESORT

    def _candidates(self, model: str) -> list[Rate]:
        known = self._by_model.get(model)
        if known is None:
            names = {model, _SNAPSHOT.sub("", model)}
            known = [rate for pattern, rate in self._rates if any(map(pattern.match, names))]
            if len(self._by_model) >= _MOST_MODELS:
                self._by_model.clear()
            self._by_model[model] = known
        return known

    def _warn(self, model: str) -> None:
        if model not in self._warned and len(self._warned) < _MOST_WARNINGS:
            self._warned.add(model)
            log.warning("model has no price of its own: the default tier is charged", model=model[:200])


def tier_tokens(usage: Usage) -> int:
    """What price tiers go by: the length of the prompt, of several answers the longest one's."""
    return usage.longest_prompt or usage.prompt_tokens


def cost_nano_usd(usage: Usage, quote: Quote) -> int:
    """What these tokens cost at this price; the module's docstring gives the formula."""
    total = (
        usage.input_tokens * quote.input_nano
        + usage.output_tokens * quote.output_nano
        + usage.cache_write_5m_tokens * quote.cache_write_5m_nano
        + usage.cache_write_1h_tokens * quote.cache_write_1h_nano
        + usage.cache_read_tokens * quote.cache_read_nano
    )
    return (total + _TOKENS_PER_PRICE // 2) // _TOKENS_PER_PRICE


def load() -> PriceBook:
    """The price list in the database."""
    return PriceBook(
        [Rate(row.model_glob, row.effective_from, row.above_input_tokens, _quote(row)) for row in Price.objects.all()]
    )


def _quote(row: Price) -> Quote:
    return Quote(
        id=row.pk,
        is_default=row.model_glob == DEFAULT_GLOB,
        input_nano=_nano(row.input_usd),
        output_nano=_nano(row.output_usd),
        cache_write_5m_nano=_nano(row.cache_write_5m_usd),
        cache_write_1h_nano=_nano(row.cache_write_1h_usd),
        cache_read_nano=_nano(row.cache_read_usd),
    )


def _nano(usd: Decimal) -> int:
    return int(usd.scaleb(9))  # exact: prices have six decimals


def _literal_chars(glob: str) -> int:
    return len(_WILDCARDS.sub("", glob))
