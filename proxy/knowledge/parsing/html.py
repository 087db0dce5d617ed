"""Web pages: the text a reader sees, under its headings; menus, scripts and hidden parts are left out."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser

from proxy.knowledge.parsing import encodings
from proxy.knowledge.parsing.sections import Found, Outline, Section

_VOID = frozenset(re.findall(r"\w+", "area base br col embed hr img input link meta source track wbr"))
_UNSEEN = frozenset(
    re.findall(r"\w+", "script style noscript template nav svg math iframe object head button select textarea")
)
_BLOCKS = frozenset(
    re.findall(
        r"\w+",
        "address article aside blockquote body dd details div dl dt fieldset figure footer header li main ol p pre "
        "section summary table tbody thead tr ul",
    )
)
_HIDDEN_STYLE = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden|font-size\s*:\s*0", re.IGNORECASE)


def sections(path: str, found: Found) -> Iterator[Section]:
    """The page's text, a section for each heading."""
    reader = _Reader()
    reader.feed(encodings.read(path))
    reader.close()
    reader.flush()
    found.title = " ".join(reader.title.split())
    yield from reader.sections


class _Reader(HTMLParser):
    """Gathers text while tags go by; what is left open ends with what holds it."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.sections: list[Section] = []
        self.title = ""
        self._outline = Outline()
        self._pieces: list[str] = []
        self._heading: list[str] | None = None
        self._unseen: list[str] = []
        self._is_title = False
        self._pre = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "title":
            self._is_title = not self.title
        if tag in _VOID:
            if tag in {"br", "hr"}:
                self._break()
            return
        if self._unseen:
            if tag == self._unseen[-1]:
                self._unseen.append(tag)
            return
        if tag in _UNSEEN or _is_hidden(attrs):
            self._unseen = [tag]
        elif re.fullmatch(r"h[1-6]", tag):
            self.flush()
            self._heading = []
        elif tag in _BLOCKS:
            self._break()
            self._pre += tag == "pre"

    def handle_endtag(self, tag: str) -> None:
        if tag == "title":
            self._is_title = False
        if self._unseen:
            if tag == self._unseen[-1]:
                self._unseen.pop()
        elif re.fullmatch(r"h[1-6]", tag) and self._heading is not None:
            self._outline.enter(int(tag[1]), "".join(self._heading).replace("¶", ""))
            self._heading = None
        elif tag in {"td", "th"}:
            self._pieces.append(" | ")
        elif tag in _BLOCKS:
            self._break()
            self._pre -= tag == "pre" and self._pre > 0

    def handle_data(self, data: str) -> None:
        if self._is_title:
            self.title += data[:300]
        elif self._unseen:
            return
        elif self._heading is not None:
            self._heading.append(data)
        else:
            self._pieces.append(data if self._pre else re.sub(r"\s+", " ", data))

    def flush(self) -> None:
        """End the section that is being gathered."""
        text = re.sub(r"(?: \| )+(?=\n|\Z)", "", "".join(self._pieces))
        text = re.sub(r"\n ", "\n", text)
        if text.strip():
            self.sections.append(Section(text, self._outline.path))
        self._pieces = []

    def _break(self) -> None:
        if self._pieces and not self._pieces[-1].endswith("\n"):
            self._pieces.append("\n")


def _is_hidden(attrs: list[tuple[str, str | None]]) -> bool:
    given = dict(attrs)
    is_marked = "hidden" in given or given.get("aria-hidden") == "true" or given.get("role") == "navigation"
    return is_marked or bool(_HIDDEN_STYLE.search(given.get("style") or ""))
