"""Documents on real services: read by a Celery worker that RabbitMQ wakes, kept in PostgreSQL and Weaviate."""

import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.proxy.knowledge import stacks
from tests.proxy.knowledge.stacks import Stack
from tests.proxy.knowledge.test_killed import is_whole

pytestmark = pytest.mark.slow
_WORKER = ("-m", "celery", "-A", "proxy.celery", "worker", "-Q", "documents,celery", "-c", "1", "-l", "warning")


@pytest.fixture
def stack(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stack]:
    broker = request.getfixturevalue("rabbitmq_url")
    for made in stacks.stack("postgres and weaviate", request, tmp_path):
        made.environment |= {"CELERY_BROKER_URL": broker, "TESTS_QUICK_MODEL": "0"}
        yield made


@pytest.fixture
def _worker(stack: Stack) -> Iterator[None]:
    stack.run("migrate")
    with stack.spawn(*_WORKER) as running:
        yield
        running.terminate()
        try:
            running.communicate(timeout=30)
        except subprocess.TimeoutExpired:
            running.kill()


@pytest.mark.usefixtures("_worker")
def test_documents_come_to_be_found_and_go_without_a_trace(stack: Stack) -> None:
    stack.run("load")
    until = time.monotonic() + 600
    while (states := json.loads(stack.run("states"))) != ["indexed"]:
        assert time.monotonic() < until and "failed" not in states
        time.sleep(2)
    is_whole(stack)
    stack.run("delete")
    assert stack.node is not None
    left = [path for path in stack.folder.parent.rglob("*") if path.is_file() and b"canary-8461" in path.read_bytes()]
    assert left == []
