"""Text in which hardly anything is to be found: what this machine has of Python, its packages and their documents.

The choice is by the hash of each path, so that it stays the same on the same versions. What is found in it and is
true (people and addresses named in comments and licences) is listed in `true_in_negatives.txt`, by hash: no lists of
real people here.
"""

import sysconfig
from collections.abc import Iterator, Mapping
from hashlib import blake2b
from pathlib import Path

_FOLDER = Path(__file__).parent
_ROOT = _FOLDER.parents[1]
_STDLIB = Path(sysconfig.get_path("stdlib"))
_PACKAGES = Path(sysconfig.get_path("platlib"))
_LARGEST_BYTES = 40_000
_LISTS_OF_NAMES = "faker"
_KINDS: Mapping[str, tuple[Path, str]] = {
    "standard library": (_STDLIB, "*.py"),
    "packages": (_PACKAGES, "*.py"),
    "scripts and styles": (_PACKAGES, "*.[jc]s*"),
    "our own sources": (_ROOT / "proxy", "*.py"),
    "our own documents": (_ROOT / "docs", "*.md"),
    "package metadata": (_PACKAGES, "METADATA"),
}


def texts(bytes_of_each: int) -> Iterator[tuple[str, str, str]]:
    """Kind, path and text, up to so many bytes of each kind."""
    for kind, (root, pattern) in _KINDS.items():
        left = bytes_of_each
        for path in sorted(root.rglob(pattern), key=lambda path: _rank(path.relative_to(root))):
            if any(part.startswith(_LISTS_OF_NAMES) for part in path.parts) or (
                kind == "standard library" and "site-packages" in path.parts
            ):
                continue
            if not path.is_file() or not 500 < path.stat().st_size < _LARGEST_BYTES:
                continue
            text = path.read_text(errors="replace")
            yield kind, str(path.relative_to(root)), text
            left -= len(text)
            if left <= 0:
                break


def true_values() -> frozenset[str]:
    """Digests of what is found in these texts and rightly so: somebody read each of them."""
    return frozenset((_FOLDER / "true_in_negatives.txt").read_text().splitlines())


def digest(value: str) -> str:
    """How a value is listed."""
    return blake2b(value.encode(), digest_size=8).hexdigest()


def _rank(path: Path) -> bytes:
    return blake2b(path.as_posix().encode(), digest_size=8).digest()
