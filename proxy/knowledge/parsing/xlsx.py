"""Workbooks: each sheet is a table under its own name."""

import re
from collections.abc import Iterator

from proxy.knowledge.parsing import tables
from proxy.knowledge.parsing.package import Attributes, Handlers, Package, opened
from proxy.knowledge.parsing.sections import Found, Section, Unreadable

_WORKBOOK = "xl/workbook.xml"
_STRINGS = "xl/sharedStrings.xml"
_COLUMN = re.compile(r"([A-Z]{1,7})[0-9]*\Z")


def sections(path: str, found: Found) -> Iterator[Section]:
    """The rows of each sheet."""
    with opened(path) as package:
        strings = _strings(package)
        sheets = _sheets(package)
        found.pages = len(sheets)
        for number, (name, part) in enumerate(sheets, start=1):
            sheet = _Sheet(strings)
            package.stream(part, Handlers(sheet.start, sheet.end, sheet.text))
            for section in tables.under(sheet.rows, name):
                yield Section(section.text, section.heading, number)


class _Sheet:
    """Gathers the values of one sheet."""

    def __init__(self, strings: list[str]) -> None:
        self.rows: list[list[str]] = []
        self._strings = strings
        self._cells = 0
        self._column = 0
        self._kind = ""
        self._value: list[str] = []
        self._is_value = False

    def start(self, tag: str, attributes: Attributes) -> None:
        if tag == "row":
            self.rows.append([])
            self._column = 0
        elif tag == "c":
            self._kind, self._value = attributes.get("t", ""), []
            self._column = _column(attributes.get("r", ""), self._column)
        elif tag in {"v", "t"}:
            self._is_value = True

    def end(self, tag: str) -> None:
        if tag in {"v", "t"}:
            self._is_value = False
        elif tag == "c" and self.rows:
            self._put("".join(self._value))

    def text(self, text: str) -> None:
        if self._is_value:
            self._value.append(text)

    def _put(self, value: str) -> None:
        if self._kind == "s":
            value = self._strings[int(value)] if value.isdecimal() and int(value) < len(self._strings) else ""
        row = self.rows[-1]
        if self._column > tables.MAX_COLUMNS or self._cells > tables.MAX_CELLS:
            raise Unreadable(f"A sheet has more than {tables.MAX_COLUMNS:,} columns or {tables.MAX_CELLS:,} cells.")
        self._cells += 1
        row.extend([""] * (self._column - 1 - len(row)))
        row.append(value)


def _column(reference: str, before: int) -> int:
    """`BC12` is in column 55; without a reference, a cell is beside the one before it."""
    letters = _COLUMN.match(reference)
    if not letters:
        return before + 1
    number = 0
    for letter in letters[1]:
        number = number * 26 + ord(letter) - 64
    return number


def _strings(package: Package) -> list[str]:
    """The texts that cells refer to by number."""
    found: list[list[str]] = []
    is_text = False

    def start(tag: str, _attributes: Attributes) -> None:
        nonlocal is_text
        if tag == "si":
            found.append([])
        is_text = tag == "t"

    def end(tag: str) -> None:
        nonlocal is_text
        is_text = False

    def text(piece: str) -> None:
        if is_text and found:
            found[-1].append(piece)

    if package.has(_STRINGS):
        package.stream(_STRINGS, Handlers(start, end, text))
    return ["".join(pieces) for pieces in found]


def _sheets(package: Package) -> list[tuple[str, str]]:
    """(name, part) of each sheet that is not hidden."""
    named: list[tuple[str, str]] = []

    def start(tag: str, attributes: Attributes) -> None:
        if tag == "sheet" and attributes.get("state", "visible") == "visible":
            named.append((attributes.get("name", ""), attributes.get("id", "")))

    package.stream(_WORKBOOK, Handlers(start))
    relations = package.relations(_WORKBOOK)
    found = [(name, relations[key][1]) for name, key in named if key in relations]
    return [(name, part) for name, part in found if package.has(part)]
