"""Fixtures that start a service on its first use, or skip with the reason."""

import uuid
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg import sql

from tests.services import postgres, process, rabbitmq, redis, weaviate


@pytest.fixture(scope="session")
def postgres_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A PostgreSQL server of this run; its database `postgres` belongs to everybody."""
    try:
        server, url = postgres.start(tmp_path_factory.mktemp("postgres"))
    except process.NotAvailable as reason:
        pytest.skip(str(reason))
    yield url
    server.stop()


@pytest.fixture
def postgres_database(postgres_url: str) -> Iterator[str]:
    """The URL of an empty PostgreSQL database for one test."""
    name = f"test_{uuid.uuid4().hex}"
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    yield postgres_url.rsplit("/", 1)[0] + f"/{name}"
    # A new connection: one that was idle for minutes may be gone, and with it a test that passed.
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        _drop(connection, name)


def _drop(connection: "psycopg.Connection[Any]", name: str) -> None:
    """FORCE gives sessions five seconds to end, which on a busy machine they do not always do."""
    for is_last in (*[False] * 5, True):
        try:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
        except psycopg.errors.ObjectInUse:
            if is_last:
                raise
        else:
            return


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Redis server of this run."""
    try:
        server, url = redis.start(tmp_path_factory.mktemp("redis"))
    except process.NotAvailable as reason:
        pytest.skip(str(reason))
    yield url
    server.stop()


@pytest.fixture(scope="session")
def weaviate_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, int]]:
    """A Weaviate server of this run: its URL, and the port of its gRPC."""
    try:
        server, url, grpc = weaviate.start(tmp_path_factory.mktemp("weaviate"))
    except process.NotAvailable as reason:
        pytest.skip(str(reason))
    yield url, grpc
    server.stop()


@pytest.fixture(scope="session")
def rabbitmq_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A RabbitMQ node of this run."""
    running = rabbitmq.running(tmp_path_factory.mktemp("rabbitmq"))
    try:
        url = running.__enter__()
    except process.NotAvailable as reason:
        pytest.skip(str(reason))
    yield url
    running.__exit__(None, None, None)
