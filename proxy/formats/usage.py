"""Token counts as the Messages API reports them, in whole answers and in streams."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

_MOST = 10**9  # no answer has more; a count beyond it is garbage that no sum or column should meet

_Otherwise = TypeVar("_Otherwise", int, None, int | None)


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens by what they cost. `input_tokens` is without the cached ones; thinking is a part of output, where told."""

    input_tokens: int = 0
    output_tokens: int = 0
    cache_write_5m_tokens: int = 0
    cache_write_1h_tokens: int = 0
    cache_read_tokens: int = 0
    thinking_tokens: int | None = None
    longest_prompt: int = 0
    """Of several answers that are counted together: the prompt of the one that read most. 0: there is but one."""

    @property
    def prompt_tokens(self) -> int:
        """The whole prompt, cached or not."""
        return self.input_tokens + self.cache_write_5m_tokens + self.cache_write_1h_tokens + self.cache_read_tokens

    def plus(self, other: "Usage") -> "Usage":
        """Both together: of two answers that were asked for one after the other."""
        thinking = [one.thinking_tokens for one in (self, other) if one.thinking_tokens is not None]
        return Usage(
            input_tokens=self.input_tokens + other.input_tokens,
            output_tokens=self.output_tokens + other.output_tokens,
            cache_write_5m_tokens=self.cache_write_5m_tokens + other.cache_write_5m_tokens,
            cache_write_1h_tokens=self.cache_write_1h_tokens + other.cache_write_1h_tokens,
            cache_read_tokens=self.cache_read_tokens + other.cache_read_tokens,
            thinking_tokens=sum(thinking) if thinking else None,
            longest_prompt=max(one.longest_prompt or one.prompt_tokens for one in (self, other)),
        )

    def merge(self, usage: Any) -> "Usage":
        """These counts, overwritten by those of a `usage` object: a stream's counts are cumulative.

        What is missing, null or no count leaves the old one in place.
        """
        if not isinstance(usage, dict):
            return self
        write_5m, write_1h = self._cache_writes(usage)
        return Usage(
            input_tokens=_count(usage, "input_tokens", self.input_tokens),
            output_tokens=_count(usage, "output_tokens", self.output_tokens),
            cache_write_5m_tokens=write_5m,
            cache_write_1h_tokens=write_1h,
            cache_read_tokens=_count(usage, "cache_read_input_tokens", self.cache_read_tokens),
            thinking_tokens=_count(usage.get("output_tokens_details"), "thinking_tokens", self.thinking_tokens),
        )

    def with_output(self, tokens: int) -> "Usage":
        """The same with another count of output tokens."""
        return replace(self, output_tokens=tokens)

    def _cache_writes(self, usage: dict[str, Any]) -> tuple[int, int]:
        by_life = usage.get("cache_creation")
        write_5m = _count(by_life, "ephemeral_5m_input_tokens", self.cache_write_5m_tokens)
        write_1h = _count(by_life, "ephemeral_1h_input_tokens", self.cache_write_1h_tokens)
        total = _count(usage, "cache_creation_input_tokens", None)
        if total is None or isinstance(by_life, dict) and total <= write_5m + write_1h:
            return write_5m, write_1h
        # The end of a stream repeats the sum alone: what was told to live an hour stays so, the rest is the default.
        write_1h = min(write_1h, total)
        return total - write_1h, write_1h


def summed(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, Any]:
    """Two `usage` objects as one: counts are added, wherever they stand; of anything else the second's holds."""
    total = {**first, **second}
    for name, value in second.items():
        before = first.get(name)
        if type(value) is int and type(before) is int:
            total[name] = before + value
        elif isinstance(value, dict) and isinstance(before, dict):
            total[name] = summed(before, value)
        elif value is None:
            total[name] = before
    return total


def _count(usage: Any, key: str, otherwise: _Otherwise) -> int | _Otherwise:
    value = usage.get(key) if isinstance(usage, dict) else None
    return value if type(value) is int and 0 <= value <= _MOST else otherwise
