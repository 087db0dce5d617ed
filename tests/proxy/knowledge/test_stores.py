"""One suite for every store: what is kept, what is found, whose it is, and that deleted means gone."""

import uuid
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest
from django.conf import settings as django_settings

from proxy.knowledge import indexes, stores
from proxy.knowledge.models import Chunk, Document, Entry, Index
from proxy.knowledge.passages import Hit, Piece, Question, Vectors
from proxy.knowledge.stores import Store, StoreDown
from tenants.models import Collection

DIMENSIONS = 8
TEXTS = ["the cat sleeps on the mat", "dogs chase cats", "trains run late in winter", "a mat is made of wool"]


@pytest.fixture(scope="module", params=["embedded", "weaviate"])
def kind(request: pytest.FixtureRequest) -> Iterator[str]:
    """The store under test; Weaviate is configured for as long as it is."""
    if request.param == "weaviate":
        url, grpc = request.getfixturevalue("weaviate_address")
        was = django_settings.CONFIG
        django_settings.CONFIG = was.model_copy(update={"weaviate_url": url, "weaviate_grpc_port": grpc})
        yield request.param
        django_settings.CONFIG = was
    else:
        yield request.param


@pytest.fixture
def store(kind: str, db: None) -> Store:
    return stores.named(kind)


@pytest.fixture
def index(store: Store, handbook: Collection) -> Index:
    return sized(handbook)


@pytest.fixture
def foreign(store: Store, rival: Collection) -> Index:
    return sized(rival)


def sized(collection: Collection) -> Index:
    made = indexes.newest(collection)
    made.dimensions = DIMENSIONS
    made.save()
    return made


def axis(number: int) -> Vectors:
    found = np.full(DIMENSIONS, 0.1, dtype=np.float32)
    found[number] = 1
    return found / np.linalg.norm(found)


def put(store: Store, index: Index, texts: Sequence[str], name: str = "") -> uuid.UUID:
    row = Document.objects.create(
        tenant_id=index.tenant_id,
        collection=index.collection,
        name=name or uuid.uuid4().hex,
        queued_at="2026-01-01T00:00:00Z",
    )
    entry = Entry.objects.create(index=index, document=row, revision=1, characters=10, chunk_count=len(texts))
    pieces = [Piece(number, text, f"H{number}", number + 1, axis(number)) for number, text in enumerate(texts)]
    store.add(index, entry.pk, pieces)
    moved(index)
    return entry.pk


def moved(index: Index) -> None:
    index.version += 1
    index.save()


def ask(store: Store, index: Index, text: str = "", vector: Vectors | None = None, **more: Any) -> dict[str, Hit]:
    asked = {"entries": None, "limit": 10, "alpha": 0.7, **more}
    return {hit.text: hit for hit in store.search(index, Question(text, vector, **asked))}


def test_words_are_found_by_their_rareness(store: Store, index: Index) -> None:
    put(store, index, TEXTS)
    found = ask(store, index, "the wool mat")
    assert max(found, key=lambda text: found[text].words_score) == "a mat is made of wool"
    assert "trains run late in winter" not in found
    assert ask(store, index, "zebra") == {} and ask(store, index, '"; DROP TABLE -- NEAR( *') == {}


def test_vectors_are_found_by_their_cosine(store: Store, index: Index) -> None:
    put(store, index, TEXTS)
    found = ask(store, index, vector=axis(2))
    assert max(found, key=lambda text: found[text].vector_score) == TEXTS[2]
    assert found[TEXTS[2]].vector_score == pytest.approx(1, abs=1e-2)
    assert found[TEXTS[0]].vector_score == pytest.approx(float(axis(0) @ axis(2)), abs=1e-2)
    assert {hit.words_score for hit in found.values()} == {0}


def test_both_parts_come_with_each_passage_and_its_place(store: Store, index: Index) -> None:
    entry = put(store, index, TEXTS)
    found = ask(store, index, "winter trains", axis(1))
    both, similar = found[TEXTS[2]], found[TEXTS[1]]
    assert both.words_score > 0 and similar.words_score == 0
    assert similar.vector_score > both.vector_score > 0
    assert (both.entry_id, both.ordinal, both.heading, both.page) == (entry, 2, "H2", 3)


def test_only_the_wanted_entries_are_looked_at(store: Store, index: Index) -> None:
    first, second = put(store, index, TEXTS[:2]), put(store, index, ["cats again"])
    assert set(ask(store, index, "cats", axis(0), entries=frozenset({second}))) == {"cats again"}
    assert len(ask(store, index, "cats", axis(0), entries=frozenset({first, second}))) == 3
    assert ask(store, index, "cats", axis(0), entries=frozenset({uuid.uuid4()})) == {}


def test_a_limit_holds(store: Store, index: Index) -> None:
    put(store, index, [f"cat number {number}" for number in range(8)])
    assert len(ask(store, index, "cat", limit=3)) == 3
    assert len(ask(store, index, "", axis(0), limit=3)) == 3


def test_another_tenants_passages_are_found_by_nothing(store: Store, index: Index, foreign: Index) -> None:
    put(store, index, TEXTS)
    secret = put(store, foreign, ["the canary of globex sleeps"])
    for entries in (None, frozenset({secret})):
        for text, vector in (("canary globex sleeps", axis(0)), ("canary", None), ("", axis(0))):
            assert "the canary of globex sleeps" not in ask(store, index, text, vector, entries=entries)
    assert store.read(index, secret) == [] and store.count(index, [secret]) == 0
    store.remove(index.tenant_id, index.pk, secret)
    assert store.count(foreign, [secret]) == 1


def test_what_is_read_back_is_what_was_put_in(store: Store, index: Index) -> None:
    entry = put(store, index, TEXTS)
    pieces = store.read(index, entry)
    assert [(piece.ordinal, piece.text, piece.page) for piece in pieces] == [
        (number, text, number + 1) for number, text in enumerate(TEXTS)
    ]
    assert all(np.allclose(piece.vector, axis(piece.ordinal), atol=1e-3) for piece in pieces)
    assert store.count(index, [entry]) == 4


def test_adding_twice_keeps_once(store: Store, index: Index) -> None:
    entry = put(store, index, TEXTS)
    store.add(index, entry, store.read(index, entry))
    moved(index)
    assert store.count(index, [entry]) == 4
    assert len(store.search(index, Question("cats", axis(0), None, 20, 0.7))) == 4


def test_a_removed_entry_is_gone(store: Store, index: Index) -> None:
    gone, kept = put(store, index, TEXTS[:2]), put(store, index, ["cats again"])
    store.remove(index.tenant_id, index.pk, gone)
    Entry.objects.filter(pk=gone).delete()
    moved(index)
    assert set(ask(store, index, "cats", axis(0))) == {"cats again"}
    assert (store.count(index, [gone]), store.count(index, [kept])) == (0, 1)
    store.remove(index.tenant_id, index.pk, gone)  # again is no error


def test_a_dropped_index_and_a_dropped_tenant_are_gone(store: Store, index: Index, foreign: Index) -> None:
    first, second = put(store, index, TEXTS), put(store, foreign, TEXTS)
    store.drop(index.tenant_id, index.pk)
    if store.is_transactional:
        index.delete()
        assert Chunk.objects.filter(entry=first).count() == 0
    else:
        assert store.count(index, [first]) == 0
        store.drop_tenant(foreign.tenant_id)
        assert store.count(foreign, [second]) == 0
        store.drop_tenant(foreign.tenant_id)
        return
    assert store.count(foreign, [second]) == 4


def test_an_empty_index_answers_with_nothing(store: Store, index: Index) -> None:
    assert ask(store, index, "cats", axis(0)) == {}
    assert store.read(index, uuid.uuid4()) == [] and store.count(index, [uuid.uuid4()]) == 0


def test_a_store_that_is_down_says_so(index: Index, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if kind == "embedded":
        pytest.skip("the database is down for everything else too")
    down = django_settings.CONFIG.model_copy(update={"weaviate_url": "http://127.0.0.1:9", "weaviate_grpc_port": 10})
    monkeypatch.setattr(django_settings, "CONFIG", down)
    stores.close()
    with pytest.raises(StoreDown, match="Weaviate does not answer"):
        ask(stores.named(kind), index, "cats", axis(0))
