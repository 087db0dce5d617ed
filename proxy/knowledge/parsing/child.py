"""The process that reads one file: `python -m proxy.knowledge.parsing.child PATH NAME TOKENS OVERLAP`.

It is given little memory and time, no network, no right to write or to start anything, and a hostile file. What it
finds goes to stdout, one JSON object a line. What it imports is imported before the doors are closed.
"""

import ctypes
import importlib
import json
import os
import resource
import sys
from collections.abc import Callable, Iterator
from typing import Any

from proxy.knowledge import tokens
from proxy.knowledge.parsing import chunking, kinds
from proxy.knowledge.parsing.chunking import Cut
from proxy.knowledge.parsing.sections import Found, Section, Unreadable, clean

_MEBIBYTE = 1024 * 1024
MEMORY_BYTES = 1024 * _MEBIBYTE
CPU_SECONDS = 60
OUTPUT_BYTES = 96 * _MEBIBYTE
_CHUNK = '{"kind": "chunk"'
_NEW_USER, _NEW_NETWORK = 0x10000000, 0x40000000
_FORBIDDEN = ("socket.", "subprocess.", "os.exec", "os.posix_spawn", "os.fork", "os.system", "os.spawn", "shutil.",
              "ctypes.", "os.remove", "os.rename", "os.mkdir", "os.link", "os.symlink", "os.chmod", "os.kill",
              "urllib.", "http.", "ftplib.", "smtplib.", "webbrowser.")  # fmt: skip


def main(arguments: list[str]) -> None:
    """Read the file, print what it holds, or why it cannot be read."""
    path, name, size, overlap = arguments
    for line in read(path, name, Cut(int(size), int(overlap)), _close_doors):
        sys.stdout.write(line + "\n")
        if not line.startswith(_CHUNK):
            sys.stdout.flush()


def read(path: str, name: str, cut: Cut, close_doors: Callable[[], None]) -> Iterator[str]:
    """What the file holds, as lines of JSON: `read`, each `chunk`, then `end`; or `unreadable` with the reason."""
    try:
        tokens.tokenizer()
        kind = kinds.of(path, name)
        parser = importlib.import_module(f"proxy.knowledge.parsing.{kinds.PARSERS[kind]}").sections
        close_doors()
        found = Found()
        sections = list(parser(path, found))
        yield _line({"kind": "read"})  # the parent shows that cutting begins
        count = 0
        for chunk in chunking.chunks(sections, kind, cut):
            count += 1
            yield _line({"kind": "chunk", "text": chunk.text, "heading": clean(chunk.heading), "page": chunk.page})
        if not count:
            raise Unreadable("The file holds no text.")
        characters = sum(map(_length, sections))
        yield _line({"kind": "end", "title": clean(found.title)[:300], "pages": found.pages, "characters": characters})
    except Unreadable as wrong:
        yield _line({"kind": "unreadable", "reason": str(wrong)})
    except (MemoryError, RecursionError):
        yield _line({"kind": "unreadable", "reason": "The file needs more memory to be read than a document should."})


def _length(section: Section) -> int:
    return len(section.text)


def _line(value: dict[str, Any]) -> str:
    # A lone surrogate, as JSON may spell it, is no text.
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "replace").decode()


def limit() -> None:
    """Bounds that the kernel holds. Called by the parent, in the child, before the program starts."""
    for what, most in (
        (resource.RLIMIT_AS, MEMORY_BYTES),
        (resource.RLIMIT_CPU, CPU_SECONDS),
        (resource.RLIMIT_FSIZE, OUTPUT_BYTES),
        (resource.RLIMIT_NOFILE, 64),
        (resource.RLIMIT_CORE, 0),
    ):
        _soft, hard = resource.getrlimit(what)
        resource.setrlimit(what, (most if hard == resource.RLIM_INFINITY else min(most, hard),) * 2)


def _close_doors() -> None:
    """No network by the kernel's word where it grants that, and nothing but reading by Python's own everywhere."""
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        libc.unshare(_NEW_USER | _NEW_NETWORK)  # refused in some containers: the hook below holds all the same
    sys.addaudithook(_refuse)


def _refuse(event: str, arguments: tuple[Any, ...]) -> None:
    if event.startswith(_FORBIDDEN):
        raise Unreadable("The file tried to make its reader do more than read. It is not read.")
    if event == "open":
        mode, flags = arguments[1], arguments[2]
        if set(mode or "") & set("wax+") or (flags or 0) & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            raise Unreadable("The file tried to make its reader write. It is not read.")


def lines(path: str) -> Iterator[dict[str, Any]]:
    """What a child has printed so far; a line that was cut off is left out."""
    with open(path, encoding="utf-8") as file:
        for line in file:
            if line.endswith("\n"):
                yield json.loads(line)


if __name__ == "__main__":
    main(sys.argv[1:])
