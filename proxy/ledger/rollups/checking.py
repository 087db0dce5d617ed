"""Makes rollups again from the usage records, and compares."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction

from proxy.ledger.budgets import settling
from proxy.ledger.rollups.shapes import Shape, shapes

_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Drift:
    """A rollup that does not say what its records add up to: how many rows are missing or wrong, and the first few."""

    table: str
    rows: int
    examples: list[tuple[Any, ...]]


def rebuild() -> None:
    """Count everything again, in one transaction; records wait in their journals until it is over."""
    with transaction.atomic(), connection.cursor() as cursor:
        settling.guard_windows()
        for table in dict.fromkeys(shape.table for shape in shapes()):
            cursor.execute(f"DELETE FROM {table}")  # noqa: S608 - our own name
        for shape in shapes():
            cursor.execute(shape.insert())


def drifts() -> Iterator[Drift]:
    """Each rollup that differs from its records. One statement looks at both: whatever is being written is in both."""
    for shape in shapes():
        with connection.cursor() as cursor:
            cursor.execute(_difference(shape))
            rows = cursor.fetchall()
        if rows:
            yield Drift(shape.table, len(rows), rows[:_SHOWN])


def _difference(shape: Shape) -> str:
    columns = ", ".join([*shape.keys, *shape.sums])
    counted = f"SELECT * FROM ({shape.select(has_names=False)}) AS counted"  # noqa: S608 - our own names
    is_something = " OR ".join(f"{column} <> 0" for column in shape.sums)
    mine = f"({is_something})"
    if "measure" in shape.keys:
        mine += f" AND measure = {shape.keys['measure']}"
    kept = f"SELECT {columns} FROM {shape.table} WHERE {mine}"  # noqa: S608 - our own names
    one_way, other_way = (f"SELECT * FROM ({a} EXCEPT {b}) AS d" for a, b in ((counted, kept), (kept, counted)))  # noqa: S608
    return f"{one_way} UNION ALL {other_way}"
