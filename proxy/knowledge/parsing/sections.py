"""What a parser gives: pieces of text with their place in the document."""

import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

MAX_PAGES = 2000
MAX_CHARACTERS = 20_000_000
# Controls, and what a reader does not see but a model does: zero width, direction marks, tags.
_UNSEEN = re.compile(
    r"[\x00-\x08\x0b\x0e-\x1f\x7f-\x9f\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    r"\U000e0000-\U000e007f]"
)
_SPACES = re.compile(r"[^\S\n]+\n")
_GAPS = re.compile(r"\n{3,}")


class Unreadable(Exception):
    """The file cannot be taken in. The message is for the person who uploaded it: what is wrong and what to do."""


@dataclass(frozen=True, slots=True)
class Section:
    """Text under one heading, on one page. `page` counts from 1; slides are pages."""

    text: str
    heading: str = ""
    page: int | None = None


@dataclass(slots=True)
class Found:
    """What a parser learns of the whole document while it reads."""

    title: str = ""
    pages: int | None = None


Parser = Callable[[str, Found], Iterator[Section]]
"""(path, found) → sections in reading order. Raises Unreadable."""


@dataclass(slots=True)
class Outline:
    """The headings one stands under, as one goes through a document."""

    _levels: list[tuple[int, str]] = field(default_factory=list)

    def enter(self, level: int, heading: str) -> None:
        """A heading of this level begins; it ends those of the same and of deeper levels."""
        heading = " ".join(heading.split())[:200]
        self._levels = [held for held in self._levels if held[0] < level]
        if heading:
            self._levels.append((level, heading))

    @property
    def path(self) -> str:
        """`Leave › Parental leave`."""
        return " › ".join(heading for _level, heading in self._levels)[-500:]


def clean(text: str) -> str:
    """The text as a person sees it: composed, without what is invisible, without ragged space."""
    text = _UNSEEN.sub("", unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n")))
    return _GAPS.sub("\n\n", _SPACES.sub("\n", text)).strip()
