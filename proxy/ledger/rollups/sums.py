"""What calls add up to, grouped by what people compare: exact, and read from sums by the hour."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import UUIDField

from proxy.ledger.rollups import parts
from proxy.ledger.rollups.shapes import NO_UPSTREAM
from proxy.ledger.usage_queries import Filter

_IDS = frozenset(parts.NAMES)
_LAYOUTS = {"hour": "%Y-%m-%d %H", "minute": "%Y-%m-%d %H:%M"}


@dataclass(frozen=True, slots=True)
class Sums:
    """Calls, those of them that were not answered to the end, tokens and cost."""

    calls: int = 0
    failed: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cache_write_tokens: int = 0
    cache_read_tokens: int = 0
    cost_nano_usd: int = 0

    @property
    def tokens(self) -> int:
        """All that was read or written, cached or not."""
        return self.input_tokens + self.output_tokens + self.cache_write_tokens + self.cache_read_tokens

    def __add__(self, other: "Sums") -> "Sums":
        return Sums(*(getattr(self, name) + getattr(other, name) for name in Sums.__slots__))

    def __sub__(self, other: "Sums") -> "Sums":
        return Sums(*(getattr(self, name) - getattr(other, name) for name in Sums.__slots__))


class Group(NamedTuple):
    """One value of each column: ids as text ("" for none), `hour` and `minute` as moments; and a name for the first."""

    values: tuple[Any, ...]
    name: str
    sums: Sums


def by(wanted: Filter, *columns: str, most: int | None = None, among: Collection[Any] | None = None) -> list[Group]:
    """The sums of each group, or of the `most` costliest; `among` keeps those whose last column is one of these."""
    source, values = _source(wanted, columns)
    if not source or (among is not None and not among):
        return []
    groups = ", ".join(f"g{place}" for place in range(len(columns)))
    sums = ", ".join(f"SUM(m_{measure})" for measure in parts.MEASURES)
    sql = f"SELECT {groups + ', ' if groups else ''}MAX(name), {sums} FROM ({source}) AS part"  # noqa: S608 - our own names
    if among is not None:
        sql += f" WHERE g{len(columns) - 1} IN ({', '.join(['%s'] * len(among))})"
        values += [_stored(columns[-1], value) for value in among]
    sql += f" GROUP BY {groups}" if groups else ""
    if most is not None:
        order = parts.MEASURES.index("cost_nano_usd"), parts.MEASURES.index("calls")
        places = [len(columns) + 2 + place for place in order]
        sql += f" ORDER BY {places[0]} DESC, {places[1]} DESC, {groups} LIMIT {int(most)}"
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return [_group(columns, row) for row in cursor.fetchall()]


def total(wanted: Filter) -> Sums:
    """Everything together."""
    found = by(wanted)
    return found[0].sums if found else Sums()


def _source(wanted: Filter, columns: Sequence[str]) -> tuple[str, list[Any]]:
    texts: list[str] = []
    values: list[Any] = []
    for part in parts.parts(wanted, columns):
        try:
            text, some = part.query.sql_with_params()
        except EmptyResultSet:  # nothing can fulfil it
            continue
        texts.append(text)
        values += some
    return " UNION ALL ".join(texts), values


def _group(columns: Sequence[str], row: Sequence[Any]) -> Group:
    count = len(columns)
    values = tuple(_told(column, value) for column, value in zip(columns, row[:count], strict=True))
    return Group(values, row[count] or "", Sums(*(int(value or 0) for value in row[count + 1 :])))


def _told(column: str, value: Any) -> Any:
    if column in _IDS:
        found = value if isinstance(value, UUID) else UUID(str(value))
        return "" if found == NO_UPSTREAM else str(found)
    if column in _LAYOUTS:
        return datetime.strptime(value, _LAYOUTS[column]).replace(tzinfo=UTC)
    return value


def _stored(column: str, value: Any) -> Any:
    if column in _IDS:
        return UUIDField().get_db_prep_value(UUID(value) if value else NO_UPSTREAM, connection)
    return value
