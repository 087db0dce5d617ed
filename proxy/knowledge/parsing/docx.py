"""Word files: paragraphs under their headings, tables row by row, pages as Word last laid them out."""

import re
from collections.abc import Iterator
from dataclasses import replace

from proxy.knowledge.parsing.package import Attributes, Handlers, Package, opened
from proxy.knowledge.parsing.sections import Found, Outline, Section

_DOCUMENT = "word/document.xml"
_HEADING = re.compile(r"(?:heading|überschrift|titre|titolo|título)\s*([1-9])\Z", re.IGNORECASE)
# Deleted text and field codes are in tags of their own, but boxes are written twice.
_SKIPPED = frozenset({"Fallback", "instrText", "delText"})


def sections(path: str, found: Found) -> Iterator[Section]:
    """The document's text, one section for each heading and page."""
    with opened(path) as package:
        reader = _Reader(_heading_levels(package))
        package.stream(_DOCUMENT, Handlers(reader.start, reader.end, reader.text))
        reader.flush()
        found.title = reader.title
        found.pages = reader.page if reader.has_pages else None
    for section in reader.sections:
        yield section if reader.has_pages else replace(section, page=None)


class _Reader:
    """Gathers paragraphs while the document streams by."""

    def __init__(self, levels: dict[str, int]) -> None:
        self.sections: list[Section] = []
        self.title = ""
        self.page = 1
        self.has_pages = False
        self._levels = levels
        self._outline = Outline()
        self._lines: list[str] = []
        self._line: list[str] = []
        self._cells: list[list[str]] = []  # one list for each row that is open
        self._style = ""
        self._level: int | None = None
        self._is_text = False
        self._skipped = 0

    def start(self, tag: str, attributes: Attributes) -> None:
        if tag in _SKIPPED:
            self._skipped += 1
        elif tag == "p":
            self._style, self._level = "", None
        elif tag == "pStyle":
            self._style = attributes.get("val", "")
        elif tag == "outlineLvl" and attributes.get("val", "").isdecimal():
            self._level = int(attributes["val"]) + 1
        elif tag == "t":
            self._is_text = not self._skipped
        elif tag == "tab":
            self._line.append("\t")
        elif tag == "br" and attributes.get("type") != "page":
            self._line.append("\n")
        elif tag in {"br", "lastRenderedPageBreak"}:
            self._turn_page()
        elif tag == "tr":
            self._cells.append([])

    def end(self, tag: str) -> None:
        if tag in _SKIPPED:
            self._skipped -= 1
        elif tag == "t":
            self._is_text = False
        elif tag == "p":
            self._end_paragraph()
        elif tag == "tc" and self._cells:
            self._cells[-1].append(" ".join("".join(self._line).split()))
            self._line = []
        elif tag == "tr" and self._cells:
            row = " | ".join(self._cells.pop())
            if self._cells:
                self._line.append(row + " ")
            else:
                self._lines.append(row)

    def text(self, text: str) -> None:
        if self._is_text:
            self._line.append(text)

    def flush(self) -> None:
        """End the section that is being gathered."""
        if self._lines:
            self.sections.append(Section("\n".join(self._lines), self._outline.path, self.page))
        self._lines = []

    def _turn_page(self) -> None:
        if self._cells:
            return
        self.flush()
        self.page += 1
        self.has_pages = True

    def _end_paragraph(self) -> None:
        if self._cells:
            self._line.append("\n")
            return
        text = "".join(self._line).strip()
        self._line = []
        level = self._level if self._level is not None and self._level < 10 else self._levels.get(self._style)
        if text and level is not None:
            self.flush()
            self._outline.enter(level, text)
            self.title = self.title or text
        elif text:
            self._lines.append(text)


def _heading_levels(package: Package) -> dict[str, int]:
    """Style → level, for the styles that are headings in the language of whoever wrote the file."""
    levels: dict[str, int] = {}
    style = ""

    def start(tag: str, attributes: Attributes) -> None:
        nonlocal style
        if tag == "style":
            style = attributes.get("styleId", "")
        elif tag == "name" and style:
            name = attributes.get("val", "")
            if heading := _HEADING.match(name):
                levels[style] = int(heading[1])
            elif name.lower() == "title":
                levels[style] = 1
        elif tag == "outlineLvl" and attributes.get("val", "").isdecimal() and style:
            levels.setdefault(style, int(attributes["val"]) + 1)

    if package.has("word/styles.xml"):
        package.stream("word/styles.xml", Handlers(start))
    return {style: level for style, level in levels.items() if level < 10}
