"""What a call may use at the most, in the unit of a budget."""

from dataclasses import dataclass, replace

from proxy.ledger.prices import Quote

_PER_PRICE = 1_000_000


@dataclass(frozen=True, slots=True)
class Need:
    """Upper bounds of one call: its prompt at the dearest price it may have, and what it may write."""

    quote: Quote
    input_nano: int
    input_tokens: int
    least_output: int
    most_output: int

    def amount(self, unit: str, output_tokens: int) -> int:
        """The upper bound for so many tokens of output."""
        if unit == "requests":
            return 1
        if unit == "tokens":
            return self.input_tokens + output_tokens
        return -(-(self.input_tokens * self.input_nano + output_tokens * self.quote.output_nano) // _PER_PRICE)

    def grown(self, quote: Quote, input_nano: int, input_tokens: int) -> "Need":
        """What the call needs once its upstream is asked again: this prompt, too, and no more output than before."""
        return replace(
            self,
            quote=quote,
            input_nano=max(self.input_nano, input_nano),
            input_tokens=self.input_tokens + input_tokens,
        )

    def output_within(self, unit: str, amount: int) -> int:
        """The most output that stays within the amount."""
        if unit == "requests" or (unit == "usd" and not self.quote.output_nano):
            return self.most_output
        if unit == "tokens":
            return amount - self.input_tokens
        return (amount * _PER_PRICE - self.input_tokens * self.input_nano) // self.quote.output_nano


@dataclass(frozen=True, slots=True)
class Growth:
    """What a call needs beyond what it holds. Its output is in both: there is nothing of it to choose."""

    held: Need
    after: Need
    least_output: int = 0
    most_output: int = 0

    def amount(self, unit: str, _output_tokens: int) -> int:
        """How much more it may use."""
        output = self.after.most_output
        return max(self.after.amount(unit, output) - self.held.amount(unit, output), 0)

    def output_within(self, _unit: str, _amount: int) -> int:
        """None."""
        return 0
