"""Windows and reservations as SQL, for the way of a call: the ORM's objects cost more than the transaction does."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Model
from django.utils import timezone

from proxy.models import BudgetWindow, Reservation

Key = tuple[UUID, str, str, datetime]
"""Whose, unit, period, and its start: what tells one window from another."""


@dataclass(slots=True)
class Window:
    """A row that is locked for this transaction. `running` calls hold something of it."""

    id: int
    spent: int
    held: int
    running: int = 0
    added: int = 0

    def hold(self, amount: int) -> None:
        """Take in what one more call holds."""
        self.change(amount)
        self.running += 1

    def change(self, amount: int) -> None:
        """Take in so much more, or less."""
        self.held += amount
        self.added += amount


def lock(keys: Collection[Key]) -> dict[Key, Window]:
    """Those of the windows that there are, for this transaction alone, in one order: nobody waits in a circle."""
    if not keys:
        return {}
    owners, starts = {key[0] for key in keys}, {key[3] for key in keys}
    found = rows(
        f"SELECT id, owner_id, unit, period, starts_at, spent, held FROM {table(BudgetWindow)} "  # noqa: S608
        f"WHERE owner_id IN ({marks(owners)}) AND starts_at IN ({marks(starts)}) ORDER BY id{_for_update()}",
        [*map(_uuid, owners), *map(connection.ops.adapt_datetimefield_value, starts)],
    )
    windows = {}
    for id, owner, unit, period, starts_at, spent, held in found:
        key = (owner if isinstance(owner, UUID) else UUID(owner), unit, period, _aware(starts_at))
        if key in keys:
            windows[key] = Window(id, spent, held)
    _count_running({window.id: window for window in windows.values()})
    return windows


def write(windows: Iterable[Window], holds: Sequence[tuple[str, int, int]]) -> None:
    """Keep what calls hold: (call, window, amount)."""
    changed = [(window.added, window.id) for window in windows if window.added]
    if not changed and not holds:
        return
    at = connection.ops.adapt_datetimefield_value(timezone.now())
    with connection.cursor() as cursor:
        if changed:
            cursor.executemany(f"UPDATE {table(BudgetWindow)} SET held = held + %s WHERE id = %s", changed)  # noqa: S608
        if holds:
            cursor.executemany(
                f"INSERT INTO {table(Reservation)} AS held (call_id, window_id, amount, created_at) "  # noqa: S608
                "VALUES (%s, %s, %s, %s) "
                "ON CONFLICT (call_id, window_id) DO UPDATE SET amount = held.amount + excluded.amount",
                [(*hold, at) for hold in holds],
            )


def settle(changes: Sequence[tuple[int, int, int]]) -> None:
    """Spend and release: (spent, released, window), of windows that are locked."""
    if changes:
        with connection.cursor() as cursor:
            cursor.executemany(
                f"UPDATE {table(BudgetWindow)} SET spent = spent + %s, held = held - %s WHERE id = %s",  # noqa: S608
                changes,
            )


def table(model: type[Model]) -> str:
    """The model's table, quoted."""
    return connection.ops.quote_name(model._meta.db_table)


def _count_running(windows: dict[int, Window]) -> None:
    if windows:
        counted = rows(
            f"SELECT window_id, COUNT(*) FROM {table(Reservation)} "  # noqa: S608 - our own names
            f"WHERE window_id IN ({marks(windows)}) GROUP BY window_id",
            list(windows),
        )
        for id, calls in counted:
            windows[id].running = calls


def rows(statement: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
    """What the statement finds."""
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return list(cursor.fetchall())


def marks(values: Collection[Any]) -> str:
    """A place for each of the values."""
    return ", ".join(["%s"] * len(values))


def _for_update() -> str:
    return " FOR UPDATE" if connection.features.has_select_for_update else ""


def _uuid(value: UUID) -> UUID | str:
    return value if connection.features.has_native_uuid_field else value.hex


def _aware(moment: datetime | str) -> datetime:
    """UTC; SQLite keeps it without saying so."""
    found = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
