"""Workers and stores that are killed at any point lose nothing, and nothing is done twice."""

import json
import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.proxy.knowledge import stacks
from tests.proxy.knowledge.stacks import Stack

_KILLS = 3

pytestmark = pytest.mark.slow


@pytest.fixture(params=["sqlite", "postgres and weaviate"])
def stack(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stack]:
    yield from stacks.stack(request.param, request, tmp_path)


def is_whole(stack: Stack) -> None:
    assert json.loads(stack.run("check")) == {
        "states": ["indexed"],
        "entries": [f"{slug}/{number}.txt" for slug in ("acme", "globex") for number in range(5)],
        "left over": 0,
        "sound": "ok",
        "found by acme": "3.txt",
        "found by globex": "3.txt",
        "foreign to acme": False,
        "foreign to globex": False,
    }


def test_a_worker_killed_again_and_again_ends_with_every_document_once(stack: Stack) -> None:
    stack.run("load")
    dice = random.Random(3)
    for _ in range(_KILLS):
        process = stack.start("work")
        time.sleep(dice.uniform(1.0, 6.0))
        process.kill()
        process.communicate()
    stack.run("work")
    is_whole(stack)


@pytest.mark.parametrize("stack", ["postgres and weaviate"], indirect=True)
def test_a_store_killed_while_documents_are_taken_in_holds_every_one_in_the_end(stack: Stack) -> None:
    node = stack.node
    assert node is not None
    stack.run("load")
    dice = random.Random(5)
    working = stack.start("work")
    for _ in range(3):
        time.sleep(dice.uniform(1.0, 6.0))
        node.server.process.kill()
        node.server.process.wait()
        time.sleep(dice.uniform(0.0, 2.0))
        node.start()
    working.communicate(timeout=300)
    assert working.returncode == 0
    is_whole(stack)
