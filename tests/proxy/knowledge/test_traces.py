"""A tenant that is deleted leaves no byte of its documents: not in database, log, vectors, files or queues."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.proxy.knowledge import stacks
from tests.proxy.knowledge.stacks import Stack

CANARY = b"zyxwvut-canary-8461"  # worker.CANARY: importing it would set Django up anew

pytestmark = pytest.mark.slow


@pytest.fixture(params=["sqlite", "postgres"])
def stack(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stack]:
    yield from stacks.stack(request.param, request, tmp_path)


def holding(folder: Path, text: bytes = CANARY) -> list[str]:
    """The files below a folder that hold the text."""
    return [str(path) for path in sorted(folder.rglob("*")) if path.is_file() and text in path.read_bytes()]


def test_no_canary_is_left(stack: Stack, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    stack.run("load")
    stack.run("work")
    places = [tmp_path]
    if stack.environment.get("DATABASE_URL"):
        places += tmp_path.parent.glob("postgres*/data/base")  # its log of changes is reused by PostgreSQL itself
    before = [found for place in places for found in holding(place)]
    assert {"/documents/" in name for name in before} == {True, False}  # in files, and in a store
    stack.run("delete")
    assert [found for place in places for found in holding(place)] == []
    others = [found for place in places for found in holding(place, b"sparrow")]
    assert {"/documents/" in name for name in others} == {True, False}
