"""Real text with real labels: the Python documentation as Debian packages it.

Its general index was made by people: each entry names the section it is about. Its FAQ headings are questions, each
answered by the section below it. Both are known-item sets with one right section each, not judged pools.
"""

import random
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path

HTML = Path("/usr/share/doc/python3.11-doc/html")
_PAGES = (
    "library",
    "reference",
    "tutorial",
    "howto",
    "faq",
    "using",
    "c-api",
    "extending",
    "installing",
    "distributing",
)
_HEADINGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
_SKIPPED = frozenset({"script", "style", "nav"})
_ENTRY = re.compile(r'<li><a href="([^"#]+)#([^"]+)">([^<]+)</a>')
_SEED = 7


@dataclass
class Section:
    """One section, without those below it."""

    name: str
    title: str = ""
    text: str = ""
    path: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Asked:
    """A question and the section that answers it."""

    question: str
    answer: str


@dataclass(frozen=True)
class Corpus:
    """Sections by name, and two sets of questions."""

    sections: dict[str, Section]
    terms: list[Asked]
    questions: list[Asked]


def load(sample: int, distractors: int | None) -> Corpus:
    """Read it; exits with what to install where it is not there. `distractors`: so many sections nobody asks for."""
    if not HTML.is_dir():
        sys.exit("The Python documentation is needed: apt-get install python3.11-doc")
    sections: dict[str, Section] = {}
    anchors: dict[str, str] = {}
    for folder in _PAGES:
        for path in sorted((HTML / folder).rglob("*.html")):
            page = str(path.relative_to(HTML))
            reader = _Reader(page)
            reader.feed(path.read_text(encoding="utf-8"))
            sections |= {section.name: section for section in reader.sections if len(section.text.split()) > 5}
            anchors |= reader.anchors
    terms = list(_terms(anchors, sections))
    random.Random(_SEED).shuffle(terms)
    terms, questions = terms[:sample], list(_questions(sections))
    if distractors is not None:
        answers = {asked.answer for asked in (*terms, *questions)}
        others = sorted(sections.keys() - answers)
        random.Random(_SEED).shuffle(others)
        sections = {name: sections[name] for name in sections if name in {*answers, *others[:distractors]}}
    return Corpus(sections, terms, questions)


def _terms(anchors: dict[str, str], sections: dict[str, Section]) -> Iterator[Asked]:
    seen = set()
    for path in sorted(HTML.glob("genindex-*.html")):
        for page, anchor, text in _ENTRY.findall(path.read_text(encoding="utf-8")):
            section = anchors.get(f"{page}#{anchor}", "")
            if len(text.split()) >= 3 and text not in seen and section in sections:
                seen.add(text)
                yield Asked(text, section)


def _questions(sections: dict[str, Section]) -> Iterator[Asked]:
    """The FAQ's headings; a section that is asked for this way loses its own."""
    for section in sections.values():
        if section.name.startswith("faq/") and section.title.endswith("?"):
            yield Asked(section.title, section.name)
            section.title, section.path = "", []


class _Reader(HTMLParser):
    """Sections of one page, and which section each anchor is in."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.sections: list[Section] = []
        self.anchors: dict[str, str] = {}
        self._page = page
        self._open: list[Section] = []
        self._heading = False
        self._skipped = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "section" and given.get("id"):
            made = Section(f"{self._page}#{given['id']}", path=[held.title for held in self._open])
            self._open.append(made)
            self.sections.append(made)
        if given.get("id") and self._open:
            self.anchors[f"{self._page}#{given['id']}"] = self._open[-1].name
        self._skipped += tag in _SKIPPED
        self._heading = self._heading or tag in _HEADINGS
        if tag in {"p", "dt", "dd", "li", "pre", "tr", "div"} and self._open:
            self._open[-1].text += "\n"

    def handle_endtag(self, tag: str) -> None:
        if tag == "section" and self._open:
            self._open.pop()
        self._skipped -= tag in _SKIPPED and self._skipped > 0
        if tag in _HEADINGS:
            self._heading = False

    def handle_data(self, data: str) -> None:
        if not self._open or self._skipped:
            return
        text = data.replace("¶", "")
        if self._heading:
            self._open[-1].title = " ".join(f"{self._open[-1].title} {text}".split())
        else:
            self._open[-1].text += text
