"""PDF files: page by page, under the bookmarks that lead to them."""

import logging
from collections.abc import Iterator
from typing import Any

from pypdf import PdfReader
from pypdf.errors import PyPdfError

from proxy.knowledge.parsing.sections import MAX_PAGES, Found, Outline, Section, Unreadable

_MAX_BOOKMARKS = 5000
# What pypdf raises for files that are no sound PDF, beside its own errors.
_UNSOUND = (PyPdfError, ValueError, KeyError, TypeError, AttributeError, IndexError, OSError, RecursionError)

logging.getLogger("pypdf").setLevel(logging.CRITICAL)


def sections(path: str, found: Found) -> Iterator[Section]:
    """One section for each page that holds text."""
    try:
        reader = PdfReader(path)
        if reader.is_encrypted and not reader.decrypt(""):
            raise Unreadable("The PDF is protected by a password. Remove the password and upload it again.")
        count = len(reader.pages)
    except _UNSOUND:
        raise Unreadable("The PDF is damaged: it cannot be opened. Export it again.") from None
    if count > MAX_PAGES:
        raise Unreadable(f"The PDF has more than {MAX_PAGES} pages. Split it and upload the parts.")
    found.pages = count
    found.title = _title(reader)
    headings = _headings(reader)
    heading, texts = "", 0
    for number in range(count):
        heading = headings.get(number, heading)
        text = _text(reader, number)
        texts += bool(text.strip())
        yield Section(text, heading, number + 1)
    if not texts:
        raise Unreadable("The PDF holds no text: it may be a scan. Run a text recognition (OCR) over it first.")


def _text(reader: PdfReader, number: int) -> str:
    try:
        return reader.pages[number].extract_text()
    except _UNSOUND:
        raise Unreadable(f"Page {number + 1} of the PDF is damaged. Export the file again.") from None


def _title(reader: PdfReader) -> str:
    try:
        metadata = reader.metadata
        return " ".join(str(metadata.title or "").split())[:200] if metadata else ""
    except _UNSOUND:
        return ""


def _headings(reader: PdfReader) -> dict[int, str]:
    """Page → the last bookmark that leads to it, with those above it."""
    headings: dict[int, str] = {}
    outline = Outline()
    left = _MAX_BOOKMARKS

    def walk(items: list[Any], level: int) -> None:
        nonlocal left
        for item in items:
            left -= 1
            if left < 0 or level > 8:
                return
            if isinstance(item, list):
                walk(item, level + 1)
                continue
            outline.enter(level, str(item.title))
            page = reader.get_destination_page_number(item)
            if page is not None and page >= 0:
                headings[page] = outline.path

    try:
        walk(reader.outline, 1)
    except _UNSOUND:
        return headings
    return headings
