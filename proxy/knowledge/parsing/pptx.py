"""Slides: each is a page, its title the heading, the speaker's notes below its text."""

from collections.abc import Iterator

from proxy.knowledge.parsing.package import Attributes, Handlers, Package, opened
from proxy.knowledge.parsing.sections import MAX_PAGES, Found, Section, Unreadable

_PRESENTATION = "ppt/presentation.xml"


def sections(path: str, found: Found) -> Iterator[Section]:
    """One section for each slide that holds text."""
    with opened(path) as package:
        slides = _slides(package)
        if len(slides) > MAX_PAGES:
            raise Unreadable(f"The file has more than {MAX_PAGES} slides. Split it and upload the parts.")
        found.pages = len(slides)
        for number, part in enumerate(slides, start=1):
            slide = _read(package, part)
            notes = [target for kind, target in package.relations(part).values() if kind == "notesSlide"]
            lines = slide.lines
            for note in filter(package.has, notes):
                lines = [*lines, *_read(package, note).lines]
            heading = " ".join(slide.title)
            found.title = found.title or heading
            if lines or heading:
                yield Section("\n".join([heading, *lines] if heading else lines), heading, number)


class _Slide:
    """Gathers the paragraphs of one slide."""

    def __init__(self) -> None:
        self.title: list[str] = []
        self.lines: list[str] = []
        self._line: list[str] = []
        self._row: list[str] | None = None
        self._placeholder = ""
        self._is_text = False

    def start(self, tag: str, attributes: Attributes) -> None:
        if tag == "sp":
            self._placeholder = ""
        elif tag == "ph":
            self._placeholder = attributes.get("type", "")
        elif tag == "tr":
            self._row = []
        elif tag == "t":
            self._is_text = True
        elif tag == "br":
            self._line.append("\n")

    def end(self, tag: str) -> None:
        if tag == "t":
            self._is_text = False
        elif tag == "p":
            text, self._line = "".join(self._line).strip(), []
            if text and self._placeholder not in {"sldNum", "dt", "ftr", "hdr"}:
                self._keep(text)
        elif tag == "tr" and self._row is not None:
            self.lines.append(" | ".join(self._row))
            self._row = None

    def text(self, text: str) -> None:
        if self._is_text:
            self._line.append(text)

    def _keep(self, text: str) -> None:
        if self._row is not None:
            self._row.append(text)
        elif self._placeholder in {"title", "ctrTitle"}:
            self.title.append(text)
        else:
            self.lines.append(text)


def _read(package: Package, part: str) -> _Slide:
    slide = _Slide()
    package.stream(part, Handlers(slide.start, slide.end, slide.text))
    return slide


def _slides(package: Package) -> list[str]:
    """The slides' parts, in the order in which they are shown."""
    ids: list[str] = []

    def start(tag: str, attributes: Attributes) -> None:
        if tag == "sldId":  # its own id, then that of the relation: both are named id
            ids.append(attributes.get("id", ""))

    package.stream(_PRESENTATION, Handlers(start))
    relations = package.relations(_PRESENTATION)
    found = [relations[key][1] for key in ids if key in relations]
    return [part for part in found if package.has(part)]
