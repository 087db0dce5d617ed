"""Rows under a header as text: each value beside its column's name, so that a row can be understood alone."""

import csv
from collections.abc import Iterable, Iterator, Sequence

from proxy.knowledge.parsing import encodings
from proxy.knowledge.parsing.sections import Found, Section, Unreadable

MAX_COLUMNS = 1000
MAX_CELLS = 5_000_000
_ROWS_OF_SECTION = 50
_SNIFFED = 16 * 1024


def sections(path: str, found: Found) -> Iterator[Section]:
    """A CSV file, some rows at a time."""
    text = encodings.read(path)
    csv.field_size_limit(1_000_000)
    try:
        dialect: type[csv.Dialect] = csv.Sniffer().sniff(text[:_SNIFFED], delimiters=",;\t|")
    except csv.Error:
        dialect = csv.excel
    try:
        yield from under(csv.reader(text.splitlines(), dialect), "")
    except csv.Error as wrong:
        raise Unreadable(f"The file is not readable as CSV: {wrong}.") from None


def under(rows: Iterable[Sequence[str]], heading: str) -> Iterator[Section]:
    """The rows below the first one, which names the columns. Raises Unreadable for absurd tables."""
    header: Sequence[str] = ()
    lines: list[str] = []
    cells = first = last = 0
    for number, row in enumerate(rows, start=1):
        cells += len(row)
        if len(row) > MAX_COLUMNS or cells > MAX_CELLS:
            raise Unreadable(f"The table has more than {MAX_COLUMNS:,} columns or {MAX_CELLS:,} cells.")
        if not any(cell.strip() for cell in row):
            continue
        if not header:
            header = row
            continue
        first, last = first or number, number
        lines.append(_line(header, row))
        if len(lines) == _ROWS_OF_SECTION:
            yield Section("\n".join(lines), _rows_of(heading, first, last))
            lines, first = [], 0
    if lines:
        yield Section("\n".join(lines), _rows_of(heading, first, last))
    elif header and not last:
        yield Section(" | ".join(header), heading)


def _rows_of(heading: str, first: int, last: int) -> str:
    rows = f"rows {first}–{last}"
    return f"{heading} › {rows}" if heading else rows


def _line(header: Sequence[str], row: Sequence[str]) -> str:
    pairs = []
    for place, cell in enumerate(row):
        value = " ".join(cell.split())
        name = " ".join(header[place].split()) if place < len(header) else ""
        if value:
            pairs.append(f"{name}: {value}" if name else value)
    return "; ".join(pairs)
