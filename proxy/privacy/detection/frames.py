"""What passes between a web process and its workers: JSON after its length in four bytes."""

import struct
from dataclasses import dataclass
from typing import Any, BinaryIO

import orjson

from proxy.privacy.findings import Finding
from proxy.privacy.rules import CustomRecogniser

HEADER = struct.Struct(">I")


@dataclass(frozen=True, slots=True)
class Job:
    """One text to search: by patterns, or (a window of it) for names."""

    text: str
    is_names: bool
    custom: tuple[CustomRecogniser, ...] = ()
    deny: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()  # of the words beside values; none: all

    def packed(self) -> bytes:
        """The frame that asks for it."""
        own = [[one.name, one.regex, one.score, one.context] for one in self.custom]
        # A lone surrogate has no UTF-8: it becomes one other character, so that offsets stay.
        text = self.text if self.text.isascii() else self.text.encode("utf-8", "replace").decode()
        return framed([text, self.is_names, own, self.deny, self.languages])


def job(value: list[Any]) -> Job:
    """What a frame asks for."""
    text, is_names, custom, deny, languages = value
    own = tuple(CustomRecogniser(name, regex, score, tuple(context)) for name, regex, score, context in custom)
    return Job(text, is_names, own, tuple(deny), tuple(languages))


def answer(findings: list[Finding]) -> bytes:
    """The frame of what was found."""
    return framed([[found.start, found.end, found.entity_type, found.score] for found in findings])


def findings(value: list[Any]) -> list[Finding]:
    """What was found, from a frame."""
    return [Finding(*found) for found in value]


def framed(value: Any) -> bytes:
    """The value with its length before it."""
    body = orjson.dumps(value)
    return HEADER.pack(len(body)) + body


def read(stream: BinaryIO) -> Any:
    """The next value, or None at the end."""
    header = stream.read(HEADER.size)
    if len(header) < HEADER.size:
        return None
    body = stream.read(HEADER.unpack(header)[0])
    return orjson.loads(body)
