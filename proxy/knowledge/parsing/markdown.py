"""Markdown: a section for each heading, its text as it was written."""

import re
from collections.abc import Iterator

from proxy.knowledge.parsing import encodings
from proxy.knowledge.parsing.sections import Found, Outline, Section

_HEADING = re.compile(r" {0,3}(#{1,6})[ \t]+(.*?)[ \t#]*$")
_FENCE = re.compile(r" {0,3}(```|~~~)")
_UNDERLINE = re.compile(r" {0,3}(=+|-+)[ \t]*$")
_LINK = re.compile(r"!?\[([^\]\n]{0,300})\]\([^)\n]{0,1000}\)")


def sections(path: str, found: Found) -> Iterator[Section]:
    """The text under each heading; front matter is left out."""
    outline, lines, fence = Outline(), list[str](), ""
    for line in _without_front_matter(encodings.read(path).splitlines()):
        if mark := _FENCE.match(line):
            fence = "" if fence == mark[1] else fence or mark[1]
        heading = None if fence else _heading(line, lines)
        if heading is None:
            lines.append(line)
            continue
        if any(lines):
            yield Section("\n".join(lines), outline.path)
        lines = []
        level, text = heading
        outline.enter(level, _LINK.sub(r"\1", text))
        found.title = found.title or text[:200]
    yield Section("\n".join(lines), outline.path)


def _heading(line: str, above: list[str]) -> tuple[int, str] | None:
    """(level, text); an underlined heading is taken out of the lines above."""
    if found := _HEADING.match(line):
        return len(found[1]), found[2]
    is_underlined = _UNDERLINE.match(line) and above and above[-1].strip() and not above[-1].lstrip().startswith("|")
    if is_underlined and (len(above) == 1 or not above[-2].strip()):
        return (1 if "=" in line else 2), above.pop()
    return None


def _without_front_matter(lines: list[str]) -> list[str]:
    if lines and lines[0].strip() == "---" and "---" in (line.strip() for line in lines[1:100]):
        return lines[[line.strip() for line in lines].index("---", 1) + 1 :]
    return lines
