"""A file in, its passages out. Nothing of the file is looked at in this process (see `child`)."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import structlog

from proxy.knowledge.parsing import child
from proxy.knowledge.parsing.chunking import Chunk, Cut
from proxy.knowledge.parsing.sections import Unreadable

__all__ = ["Chunk", "Cut", "Parsed", "Unreadable", "parse", "parsed"]

WALL_SECONDS = 120.0
_TICK_SECONDS = 0.05
_ROOT = Path(__file__).resolve().parents[3]
log = structlog.get_logger(__name__)

_RAISED = 1
_NOT_UNDERSTOOD = "The file is damaged, or of a form that is not understood. Export it again, or as another kind."
_TOO_MUCH = "The file takes too long to be read, or too much memory. Split it, or export it again."


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a file holds."""

    chunks: list[Chunk]
    title: str
    pages: int | None
    characters: int


def parse(
    path: Path, name: str, cut: Cut, on_read: Callable[[], None] = lambda: None, *, seconds: float = WALL_SECONDS
) -> Parsed:
    """Read the file in a process of its own. `on_read` is called when its text is known and cutting begins.

    Raises Unreadable with a sentence for the person who uploaded it.
    """
    with tempfile.NamedTemporaryFile(prefix="llmp-parse-") as output, tempfile.TemporaryFile() as errors:
        process = _start(path.resolve(), name, cut, output.fileno(), errors.fileno())
        try:
            _wait(process, Path(output.name), on_read, time.monotonic() + seconds)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        if process.returncode == _RAISED:
            log.error("the reader of a document failed by a defect", error=_last_error(errors))
        return parsed(child.lines(output.name), _NOT_UNDERSTOOD if process.returncode == _RAISED else _TOO_MUCH)


def _start(path: Path, name: str, cut: Cut, output: int, errors: int) -> "subprocess.Popen[bytes]":
    arguments = [str(path), name, str(cut.tokens), str(cut.overlap)]
    return subprocess.Popen(
        [sys.executable, "-I", "-B", "-c", _BOOT, str(_ROOT), *arguments],
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=errors,
        cwd="/",
        env=_ENVIRONMENT,
        start_new_session=True,
        preexec_fn=child.limit,
    )


# Isolated from the environment and the folder it is started in; only the code of this product is added.
_BOOT = (
    "import sys; sys.path.insert(0, sys.argv.pop(1)); "
    "from proxy.knowledge.parsing import child; child.main(sys.argv[1:])"
)
_ENVIRONMENT = {
    "PATH": "",
    "LANG": "C.UTF-8",
    "TOKENIZERS_PARALLELISM": "false",
    "RAYON_NUM_THREADS": "1",
    "MALLOC_ARENA_MAX": "2",
}


def _last_error(errors: IO[bytes]) -> str:
    """The kind of the exception; its words may quote the document."""
    errors.seek(0)
    lines = errors.read(1024 * 1024).decode("utf-8", "replace").strip().splitlines()
    return lines[-1].split(":")[0][:200] if lines else "unknown"


def _wait(process: "subprocess.Popen[bytes]", output: Path, on_read: Callable[[], None], until: float) -> None:
    is_told = False
    while process.poll() is None:
        if time.monotonic() > until:
            raise Unreadable(_TOO_MUCH)
        if not is_told and output.stat().st_size:
            is_told = True
            on_read()
        time.sleep(_TICK_SECONDS)


def parsed(lines: Iterable[dict[str, Any]], unfinished: str = _TOO_MUCH) -> Parsed:
    """What the reader's lines say. Raises Unreadable, with `unfinished` as the reason where they have no end."""
    chunks = []
    for line in lines:
        if line["kind"] == "chunk":
            chunks.append(Chunk(line["text"], line["heading"], line["page"]))
        elif line["kind"] == "end":
            return Parsed(chunks, line["title"], line["pages"], line["characters"])
        elif line["kind"] == "unreadable":
            raise Unreadable(line["reason"])
    raise Unreadable(unfinished)
