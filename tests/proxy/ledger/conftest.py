"""Journals in a folder of the test's own."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from proxy.ledger.journal import Journal

Opener = Callable[..., Journal]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "journal"


@pytest.fixture
def new_journal(folder: Path) -> Iterator[Opener]:
    """Opens journals, and gives up at the end those that a test left open."""
    opened: list[Journal] = []

    def open_one(**options: object) -> Journal:
        opened.append(Journal.open(folder, **options))  # type: ignore[arg-type]
        return opened[-1]

    yield open_one
    for journal in opened:
        if not journal.is_closed:
            journal.leave()


@pytest.fixture
def journal(new_journal: Opener) -> Journal:
    return new_journal()
