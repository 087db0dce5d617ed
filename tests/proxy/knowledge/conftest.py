"""Documents of acme and globex, with a model that needs no time."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from proxy.knowledge import documents, embedding, parsing, stores
from proxy.knowledge.documents import Facts
from proxy.knowledge.ingestion import queue, work
from proxy.knowledge.models import Document
from proxy.knowledge.parsing import Cut, child
from tenants import actions
from tenants.models import Collection, Tenant, Upstream
from tests.proxy.knowledge.fakes import WordVectors
from tests.proxy.knowledge.listening import CREDENTIAL, Listening, served


@pytest.fixture(autouse=True)
def _quick_model(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(embedding, "_BUILT_IN", "tests.proxy.knowledge.fakes.WordVectors")
    embedding.built_in.cache_clear()
    stores.close()
    WordVectors.is_down, WordVectors.asked = False, 0
    yield
    embedding.built_in.cache_clear()
    stores.close()


@pytest.fixture
def _quick_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files are read in this process: a start of another one takes longer than the tests."""

    def parse(path: Path, name: str, cut: Cut, on_read: Callable[[], None]) -> parsing.Parsed:
        on_read()
        return parsing.parsed(map(json.loads, child.read(str(path), name, cut, lambda: None)))

    monkeypatch.setattr(parsing, "parse", parse)


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("proxy.knowledge.removal.folder", lambda: tmp_path / "documents")
    return tmp_path / "documents"


@pytest.fixture(autouse=True)
def woken(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The messages that were sent to the worker."""
    sent: list[str] = []
    monkeypatch.setattr("proxy.knowledge.wakening.send", lambda task, _queue: sent.append(task))
    return sent


@pytest.fixture
def listening() -> Iterator[Listening]:
    with served() as server:
        yield server


@pytest.fixture
def upstream(acme: Tenant, listening: Listening) -> Upstream:
    url = f"http://127.0.0.1:{listening.server_address[1]}/v1"
    return actions.add_upstream(actor="test", tenant=acme, name="main", base_url=url, credential=CREDENTIAL)


@pytest.fixture
def handbook(acme: Tenant) -> Collection:
    return actions.add_collection(actor="test", tenant=acme, name="handbook", chunk_tokens=40, chunk_overlap=0)


@pytest.fixture
def rival(globex: Tenant) -> Collection:
    return actions.add_collection(actor="test", tenant=globex, name="handbook", chunk_tokens=40, chunk_overlap=0)


def load(collection: Collection, name: str, text: str | bytes, **facts: object) -> Document:
    content = text.encode() if isinstance(text, str) else text
    loaded = documents.load(
        actor="test",
        collection=collection,
        name=name,
        content=[content],
        facts=Facts(**facts),  # type: ignore[arg-type]
    )
    return loaded.document


def work_off() -> int:
    """Be the worker until nothing waits."""
    done = 0
    while claimed := queue.claim():
        work.ingest(claimed)
        done += 1
    return done
