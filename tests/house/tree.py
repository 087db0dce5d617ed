"""The files of the project, without what is generated or installed."""

from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_NOT_OURS = {".git", ".venv", "var", "node_modules", "staticfiles", "__pycache__"}


def files(*suffixes: str) -> Iterator[Path]:
    """Every file of the project whose name ends so."""
    waiting = [ROOT]
    while waiting:
        for path in sorted(waiting.pop().iterdir()):
            if path.is_dir():
                if path.name not in _NOT_OURS and (not path.name.startswith(".") or path.name == ".ci"):
                    waiting.append(path)
            elif path.name.endswith(suffixes):
                yield path


def name(path: Path) -> str:
    """The path as it is said in messages."""
    return str(path.relative_to(ROOT))
