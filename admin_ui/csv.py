"""Tables as CSV files, sent while they are read, and harmless in a spreadsheet."""

import csv
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from channels.db import database_sync_to_async
from django.http import StreamingHttpResponse

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def response(name: str, head: Sequence[str], chunks: Iterable[Iterable[Sequence[Any]]]) -> StreamingHttpResponse:
    """A download of this name. The next chunk of rows is read when the one before it was taken."""
    answer = StreamingHttpResponse(_pieces(head, iter(chunks)), content_type="text/csv; charset=utf-8")
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    answer.headers["Cache-Control"] = "no-store"
    answer.headers["X-Accel-Buffering"] = "no"
    return answer


def cell(value: Any) -> Any:
    """The value as a spreadsheet may have it: text that it would take for a formula gets a quote in front."""
    if isinstance(value, datetime):
        return value.isoformat()
    if not isinstance(value, str):
        return "" if value is None else value
    return f"'{value}" if value.lstrip(" ").startswith(_FORMULA_STARTS) else value


class _Line:
    """What csv.writer writes to: it hands the line back."""

    def write(self, line: str) -> str:
        return line


async def _pieces(head: Sequence[str], chunks: Iterator[Iterable[Sequence[Any]]]) -> AsyncIterator[str]:
    """Asynchronous, as Django would read all of a synchronous one into memory before it sends a byte."""
    yield _lines([head])
    while (rows := await database_sync_to_async(_next)(chunks)) is not None:
        yield _lines(rows)


def _next(chunks: Iterator[Iterable[Sequence[Any]]]) -> list[Sequence[Any]] | None:
    chunk = next(chunks, None)
    return None if chunk is None else list(chunk)


def _lines(rows: Iterable[Sequence[Any]]) -> str:
    writer = csv.writer(_Line())
    return "".join([writer.writerow([cell(value) for value in row]) for row in rows])
