"""Text and source code, as they are."""

from collections.abc import Iterator

from proxy.knowledge.parsing import encodings
from proxy.knowledge.parsing.sections import Found, Section


def sections(path: str, _found: Found) -> Iterator[Section]:
    """One section: where to cut it is seen from its lines."""
    yield Section(encodings.read(path))
