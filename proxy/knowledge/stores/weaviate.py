"""The store of large installations: Weaviate, with one of its tenants for each of ours.

Vectors come from us. Those of one length share a class, as an index of vectors holds one length only; within it each
passage carries the number of its index and its entry. Deleting a tenant deletes its shard, and with it every byte.
"""

import re
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from threading import Lock
from typing import Any, TypeVar
from urllib.parse import urlsplit
from uuid import UUID

import httpx
import numpy as np
import weaviate
from django.conf import settings
from weaviate.classes.config import Configure, DataType, Property
from weaviate.classes.data import DataObject
from weaviate.classes.init import AdditionalConfig, Auth, Timeout
from weaviate.classes.query import Filter, HybridFusion, MetadataQuery, Sort
from weaviate.exceptions import WeaviateBaseError

from proxy.knowledge.models import Index
from proxy.knowledge.passages import Hit, Piece, Question, Vectors
from proxy.knowledge.stores import StoreDown

_CLASS = "LlmpPassages"
_BATCH = 200
_PAGE = 1000
_DELETED_AT_ONCE = 10_000
_MOST_ENTRIES = 5000
_WORDS_SCORE = re.compile(r"keyword,bm25\)[^\n]*?original score ([0-9.eE+-]+)")
_SUSPICIOUS = Property(name="is_suspicious", data_type=DataType.BOOL, index_filterable=True)
_NO_TENANT = "tenant not found"
# The client's own errors, and those of what it stands on where a server dies under it.
_DOWN = (WeaviateBaseError, httpx.HTTPError, OSError)

Result = TypeVar("Result")


class Weaviate:
    """Passages as objects of a Weaviate server."""

    is_transactional = False

    def __init__(self) -> None:
        self._lock = Lock()
        self._opened: weaviate.WeaviateClient | None = None
        self._known: set[int] = set()

    def add(self, index: Index, entry_id: UUID, pieces: Sequence[Piece]) -> None:
        with _trouble():
            objects = self._class(len(pieces[0].vector), make=True).with_tenant(_tenant(index.tenant_id))
            for start in range(0, len(pieces), _BATCH):
                done = objects.data.insert_many(
                    [_object(index.pk, entry_id, piece) for piece in pieces[start : start + _BATCH]]
                )
                if done.has_errors:
                    raise StoreDown(f"Weaviate did not take a passage: {next(iter(done.errors.values())).message}")

    def remove(self, tenant_id: UUID, index_number: int, entry_id: UUID) -> None:
        self._delete(tenant_id, _of(index_number) & Filter.by_property("entry").equal(entry_id))

    def drop(self, tenant_id: UUID, index_number: int) -> None:
        self._delete(tenant_id, _of(index_number))

    def drop_tenant(self, tenant_id: UUID) -> None:
        with _trouble():
            for made in self._classes():
                made.tenants.remove([_tenant(tenant_id)])

    def search(self, index: Index, question: Question) -> list[Hit]:
        entries = question.entries
        if entries is not None and len(entries) > _MOST_ENTRIES:
            raise StoreDown(f"The filter leaves more than {_MOST_ENTRIES:,} documents: give a narrower one.")
        where = _of(index.pk)
        if entries is not None:
            where = where & Filter.by_property("entry").contains_any(list(entries))

        def ask() -> list[Hit]:
            objects = self._class(index.dimensions).with_tenant(_tenant(index.tenant_id))
            return [_hit(found, question.vector) for found in _ask(objects, question, where).objects]

        return self._unless_empty(ask, [])

    def read(self, index: Index, entry_id: UUID) -> list[Piece]:
        def ask() -> list[Piece]:
            objects = self._class(index.dimensions).with_tenant(_tenant(index.tenant_id))
            pieces: list[Piece] = []
            while True:
                found = objects.query.fetch_objects(
                    filters=_of(index.pk)
                    & Filter.by_property("entry").equal(entry_id)
                    & Filter.by_property("ordinal").greater_or_equal(len(pieces)),
                    sort=Sort.by_property("ordinal"),
                    limit=_PAGE,
                    include_vector=True,
                ).objects
                pieces += [_piece(row) for row in found]
                if len(found) < _PAGE:
                    return pieces

        return self._unless_empty(ask, [])

    def count(self, index: Index, entries: Iterable[UUID]) -> int:
        def ask() -> int:
            objects = self._class(index.dimensions).with_tenant(_tenant(index.tenant_id))
            counted = 0
            for some in _some(list(entries)):
                where = _of(index.pk) & Filter.by_property("entry").contains_any(some)
                counted += objects.aggregate.over_all(filters=where, total_count=True).total_count or 0
            return counted

        return self._unless_empty(ask, 0)

    def close(self) -> None:
        with self._lock:
            if self._opened is not None:
                self._opened.close()
            self._opened = None

    def _delete(self, tenant_id: UUID, where: Any) -> None:
        def delete() -> None:
            for made in self._classes():
                if made.tenants.exists(_tenant(tenant_id)):
                    objects = made.with_tenant(_tenant(tenant_id))
                    while objects.data.delete_many(where).matches >= _DELETED_AT_ONCE:
                        pass

        self._unless_empty(delete, None)

    def _unless_empty(self, act: Callable[[], Result], empty: Result) -> Result:
        """What `act` returns; a tenant or class that nothing was put into yet holds nothing."""
        with _trouble():
            try:
                return act()
            except WeaviateBaseError as failed:
                if _NO_TENANT in str(failed) or "could not find class" in str(failed):
                    return empty
                raise

    def _client(self) -> weaviate.WeaviateClient:
        with self._lock:
            if self._opened is None:
                self._opened = _connected()
            return self._opened

    def _classes(self) -> Iterator[Any]:
        client = self._client()
        for name in client.collections.list_all():
            if name.startswith(_CLASS):
                yield client.collections.use(name)

    def _class(self, dimensions: int, *, make: bool = False) -> Any:
        """The class for vectors of this length."""
        client, name = self._client(), f"{_CLASS}{dimensions}"
        if make and dimensions not in self._known:
            if not client.collections.exists(name):
                _make(client, name)
            _complete(client.collections.use(name))
            self._known.add(dimensions)
        return client.collections.use(name)


def _connected() -> weaviate.WeaviateClient:
    config = settings.CONFIG
    where = urlsplit(config.weaviate_url)
    is_secure = where.scheme == "https"
    return weaviate.connect_to_custom(
        http_host=where.hostname or "",
        http_port=where.port or (443 if is_secure else 8080),
        http_secure=is_secure,
        grpc_host=where.hostname or "",
        grpc_port=config.weaviate_grpc_port,
        grpc_secure=is_secure,
        auth_credentials=Auth.api_key(config.weaviate_api_key) if config.weaviate_api_key else None,
        additional_config=AdditionalConfig(timeout=Timeout(init=5, query=10, insert=60)),
        skip_init_checks=True,  # they ask the internet for the client's newest version
    )


def _make(client: weaviate.WeaviateClient, name: str) -> None:
    try:
        client.collections.create(
            name,
            multi_tenancy_config=Configure.multi_tenancy(
                enabled=True, auto_tenant_creation=True, auto_tenant_activation=True
            ),
            vector_config=Configure.Vectors.self_provided(),
            properties=[
                Property(name="index_number", data_type=DataType.INT, index_filterable=True),
                Property(name="entry", data_type=DataType.UUID, index_filterable=True),
                Property(name="ordinal", data_type=DataType.INT, index_filterable=True, index_range_filters=True),
                Property(name="text", data_type=DataType.TEXT),
                Property(name="heading", data_type=DataType.TEXT),
                Property(name="page", data_type=DataType.INT),
                _SUSPICIOUS,
            ],
        )
    except WeaviateBaseError:
        if not client.collections.exists(name):  # another process was first
            raise


def _complete(made: Any) -> None:
    """Give a class of an earlier version what it lacks."""
    if not any(known.name == _SUSPICIOUS.name for known in made.config.get(simple=True).properties):
        made.config.add_property(_SUSPICIOUS)


def _ask(objects: Any, question: Question, where: Any) -> Any:
    more: dict[str, Any] = {"limit": question.limit, "filters": where, "include_vector": True}
    words = ["text", "heading"]
    if question.vector is None:
        return objects.query.bm25(
            question.text, query_properties=words, return_metadata=MetadataQuery(score=True), **more
        )
    if not question.text.strip():
        return objects.query.near_vector(question.vector.tolist(), **more)
    return objects.query.hybrid(
        question.text,
        vector=question.vector.tolist(),
        alpha=question.alpha,
        fusion_type=HybridFusion.RELATIVE_SCORE,
        query_properties=words,
        return_metadata=MetadataQuery(score=True, explain_score=True),
        **more,
    )


def _hit(found: Any, asked: Vectors | None) -> Hit:
    if asked is None:
        words = found.metadata.score or 0.0
        similar = 0.0
    else:
        told = _WORDS_SCORE.search(found.metadata.explain_score or "")
        words = float(told[1]) if told else 0.0
        similar = float(_vector(found) @ asked)
    held = found.properties
    return Hit(held["entry"], *_place(held), similar, words, bool(held.get(_SUSPICIOUS.name)))


def _object(index_number: int, entry_id: UUID, piece: Piece) -> DataObject[Any, Any]:
    return DataObject(
        uuid=uuid.uuid5(entry_id, str(piece.ordinal)),  # the same again overwrites itself
        vector=piece.vector.tolist(),
        properties={
            "index_number": index_number,
            "entry": entry_id,
            "ordinal": piece.ordinal,
            "text": piece.text,
            "heading": piece.heading,
            "page": piece.page,
            _SUSPICIOUS.name: piece.is_suspicious,
        },
    )


def _piece(row: Any) -> Piece:
    held = row.properties
    return Piece(*_place(held), _vector(row), bool(held.get(_SUSPICIOUS.name)))


def _place(held: Any) -> tuple[int, str, str, int | None]:
    return held["ordinal"], held["text"], held["heading"], held["page"]


def _vector(row: Any) -> Vectors:
    return np.array(row.vector["default"], dtype=np.float32)


def _of(index_number: int) -> Any:
    return Filter.by_property("index_number").equal(index_number)


def _some(entries: list[UUID]) -> Iterator[list[UUID]]:
    for start in range(0, len(entries), _PAGE):
        yield entries[start : start + _PAGE]


def _tenant(tenant_id: UUID) -> str:
    return str(tenant_id)


@contextmanager
def _trouble() -> Iterator[None]:
    try:
        yield
    except _DOWN as failed:
        raise StoreDown(f"Weaviate does not answer as it should: {str(failed)[:300]}") from failed
