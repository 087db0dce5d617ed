"""The fenced blocks of a Markdown document that a reader would run."""

import re
from dataclasses import dataclass

LANGUAGES = {"sh": "sh", "bash": "sh", "console": "console", "python": "python"} | dict.fromkeys(
    ("js", "javascript", "ts", "typescript"), "js"
)
_FENCE = re.compile(r"^(?P<indent> *)```(?P<language>\w+)[^\n]*\n(?P<text>.*?)^(?P=indent)```\s*$", re.M | re.S)
_COMMENT = re.compile(r"<!--\s*(?P<word>not run|keeps running)\s*(?::\s*(?P<reason>[^>]+?))?\s*-->\s*$")
_ADDRESS = re.compile(r"(?:http://)?(?:127\.0\.0\.1|localhost):8000\b")
_KEY = re.compile(r"llmp_[A-Za-z0-9_.…]+|\bllmp_…")


@dataclass(frozen=True)
class Block:
    """One block: where it stands, how it is run, and what is special about it."""

    document: str
    line: int
    kind: str  # sh, python or js
    text: str
    keeps_running: bool = False
    not_run: str = ""

    def __str__(self) -> str:
        return f"{self.document}:{self.line}"

    def at(self, address: str, key: str) -> str:
        """The text with the real address and key in place of the ones that documents show."""
        text = _ADDRESS.sub(lambda found: address if "http" in found[0] else address.removeprefix("http://"), self.text)
        return _KEY.sub(key, text)


def blocks(document: str, text: str) -> list[Block]:
    """The blocks of a document, in order."""
    found = []
    for fence in _FENCE.finditer(text):
        kind = LANGUAGES.get(fence["language"])
        if kind is None:
            continue
        comment = _COMMENT.search(text[: fence.start()].rstrip() if fence.start() else "")
        word, reason = (comment["word"], comment["reason"] or "") if comment else ("", "")
        if word == "not run" and not reason:
            raise ValueError(f"{document}: `not run` needs a reason")
        body = re.sub(f"^{fence['indent']}", "", fence["text"], flags=re.M)
        found.append(
            Block(
                document=document,
                line=text.count("\n", 0, fence.start()) + 1,
                kind="sh" if kind == "console" else kind,
                text=_commands(body) if kind == "console" else body,
                keeps_running=word == "keeps running",
                not_run=reason if word == "not run" else "",
            )
        )
    return found


def _commands(text: str) -> str:
    """Of a terminal's contents, what was typed: after `$ `, with its continuation lines."""
    typed, continues = [], False
    for line in text.splitlines():
        if line.startswith("$ ") or continues:
            typed.append(line.removeprefix("$ "))
            continues = line.endswith("\\")
    return "\n".join(typed) + "\n"
