"""Amounts and periods of budgets as people read them."""

from datetime import datetime
from zoneinfo import ZoneInfo

from proxy.ledger.budgets import periods

_NANO = 10**9


def amount(unit: str, number: int) -> str:
    """`$20`, `5,000 tokens`."""
    if unit != "usd":
        return f"{number:,} {unit}"
    dollars = number / _NANO
    digits = 2 if dollars >= 1 or number % (_NANO // 100) == 0 else 4
    return f"${dollars:,.{digits}f}".removesuffix(".00")


def period(name: str, at: datetime, zone: str) -> str:
    """`for November`, `for today`, …"""
    if name == periods.MONTH:
        return f"for {at.astimezone(ZoneInfo(zone)):%B}"
    words = {periods.DAY: "for today", periods.WEEK: "for this week", periods.TOTAL: "in total"}
    return words.get(name, f"for this {name}")


def moment(at: datetime, zone: str) -> str:
    """`1 December 00:00 Europe/Rome`."""
    local = at.astimezone(ZoneInfo(zone))
    return f"{local.day} {local:%B %H:%M} {zone}"
