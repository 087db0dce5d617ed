"""The services that other tests stand on start, answer, and are of this run alone."""

import kombu
import psycopg
import pytest
import redis


def test_postgresql_answers_and_gives_each_test_an_empty_database(postgres_database: str) -> None:
    with psycopg.connect(postgres_database) as connection:
        tables = connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone()
    assert tables == (0,)


def test_redis_keeps_what_it_is_given(redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as client:
        client.set("services:greeting", "hello", ex=60)
        assert client.get("services:greeting") == b"hello"


@pytest.mark.slow
def test_rabbitmq_carries_a_message(rabbitmq_url: str) -> None:
    with kombu.Connection(rabbitmq_url) as connection, connection.SimpleQueue("greeting") as queue:
        queue.put({"hello": "world"})
        message = queue.get(timeout=10)
        message.ack()
    assert message.payload == {"hello": "world"}
