"""Money, tokens and durations as people read them; the exact value belongs beside them, on hover."""

NANO = 10**9
_UNITS = ((10**9, "B"), (10**6, "M"), (10**3, "k"))


def money(nano_usd: int) -> str:
    """Totals to the cent, small amounts to their first figures: $1,204.50, $0.0042."""
    dollars = nano_usd / NANO
    if nano_usd == 0 or abs(dollars) >= 1:
        return f"${dollars:,.2f}"
    if abs(dollars) >= 0.01:
        return f"${dollars:.3f}".removesuffix("0")
    if abs(dollars) >= 0.000001:
        places = 4 if dollars >= 0.001 else 6
        return f"${dollars:.{places}f}"
    return "< $0.000001"


def exact_money(nano_usd: int) -> str:
    """Every figure there is, with at least two decimals."""
    whole, rest = divmod(nano_usd, NANO)
    return f"${whole:,}.{f'{rest:09}'.rstrip('0'):0<2}"


def count(number: int) -> str:
    """1,204 as it is, 12.4k and 3.1M above ten thousand."""
    if number < 10_000:
        return f"{number:,}"
    for size, unit in _UNITS:
        if number >= size:
            return f"{number / size:.1f}".removesuffix(".0") + unit
    return str(number)


def duration(micros: float | None) -> str:
    """µs, ms under a second, then seconds and minutes."""
    if micros is None:
        return "–"
    if micros < 1000:
        return f"{micros:.0f} µs"
    if micros < 10_000:
        return f"{micros / 1000:.1f} ms"
    if micros < 1_000_000:
        return f"{micros / 1000:.0f} ms"
    if micros < 60_000_000:
        return f"{micros / 1_000_000:.2f} s"
    minutes, seconds = divmod(round(micros / 1_000_000), 60)
    return f"{minutes} min {seconds} s"


def percent(part: float, whole: float) -> str:
    """0 %, 0.4 %, 12 %."""
    if not whole:
        return "0 %"
    share = 100 * part / whole
    return f"{share:.0f} %" if share >= 10 or share == 0 else f"{share:.1f} %" if share >= 0.1 else "< 0.1 %"
