"""Office files are archives of XML: opened with an eye on what they would expand to, and read as a stream."""

import posixpath
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from xml.parsers import expat

from proxy.knowledge.parsing.sections import Unreadable

MAX_EXPANDED_BYTES = 200 * 1024 * 1024
MAX_RATIO = 100
MAX_MEMBERS = 2000
_PIECE_BYTES = 64 * 1024
_MAX_DEPTH = 200
_DAMAGED = "The file is damaged: a part of it cannot be read. Export it again."
_BOMB = "The file would expand to far more than it is. Files like this are not opened."

Attributes = dict[str, str]


@dataclass(slots=True)
class Handlers:
    """What is called while XML streams by. Names are without their namespace."""

    start: Callable[[str, Attributes], None]
    end: Callable[[str], None] = field(default=lambda _name: None)
    text: Callable[[str], None] = field(default=lambda _text: None)


class Package:
    """An opened office file."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self._left = MAX_EXPANDED_BYTES

    def has(self, part: str) -> bool:
        """Whether there is such a part."""
        return part in self._archive.NameToInfo

    def stream(self, part: str, handlers: Handlers) -> None:
        """Read one part. Raises Unreadable for what is no plain XML, or grows beyond its limits."""
        parser = _parser(handlers)
        try:
            with self._archive.open(part) as file:
                while piece := file.read(_PIECE_BYTES):
                    self._left -= len(piece)  # what the directory declares may be a lie
                    if self._left < 0:
                        raise Unreadable(_BOMB)
                    parser.Parse(piece, False)
            parser.Parse(b"", True)
        except (zipfile.BadZipFile, expat.ExpatError, KeyError, OSError, EOFError, NotImplementedError):
            raise Unreadable(_DAMAGED) from None
        except RuntimeError:  # zipfile's word for a member that needs a password
            raise Unreadable("The file is protected by a password. Remove it and upload the file again.") from None

    def relations(self, part: str) -> dict[str, tuple[str, str]]:
        """Id → (last word of the type, target part) of what the part refers to."""
        folder, name = posixpath.split(part)
        where = posixpath.join(folder, "_rels", f"{name}.rels")
        found: dict[str, tuple[str, str]] = {}

        def start(tag: str, attributes: Attributes) -> None:
            if tag == "Relationship" and attributes.get("TargetMode") != "External":
                target = posixpath.normpath(posixpath.join("/", folder, attributes.get("Target", "")))
                kind = attributes.get("Type", "").rsplit("/", 1)[-1]
                found[attributes.get("Id", "")] = (kind, target.lstrip("/"))

        if self.has(where):
            self.stream(where, Handlers(start))
        return found


@contextmanager
def opened(path: str) -> Iterator[Package]:
    """The package, its directory checked before anything is expanded. Raises Unreadable."""
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        raise Unreadable(_DAMAGED) from None
    with archive:
        members = archive.infolist()
        expanded = sum(member.file_size for member in members)
        compressed = sum(member.compress_size for member in members)
        if len(members) > MAX_MEMBERS or len({member.filename for member in members}) < len(members):
            raise Unreadable(_BOMB)
        if expanded > MAX_EXPANDED_BYTES or expanded > MAX_RATIO * max(compressed, 10_000):
            raise Unreadable(_BOMB)
        yield Package(archive)


def _parser(handlers: Handlers) -> "expat.XMLParserType":
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    depth = 0

    def start(name: str, attributes: Attributes) -> None:
        nonlocal depth
        depth += 1
        if depth > _MAX_DEPTH:
            raise Unreadable("The file is nested too deeply to be read.")
        handlers.start(_local(name), {_local(key): value for key, value in attributes.items()})

    def end(name: str) -> None:
        nonlocal depth
        depth -= 1
        handlers.end(_local(name))

    def refuse(*_declared: object) -> None:
        raise Unreadable("The file declares XML entities, which office programs never do. It is not read.")

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = handlers.text
    parser.StartDoctypeDeclHandler = refuse
    return parser


def _local(name: str) -> str:
    return name.rsplit(" ", 1)[-1]
