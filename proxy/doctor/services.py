"""Whether the other servers that the settings name can be reached."""

from collections.abc import Iterator

import httpx
import redis
from kombu.exceptions import OperationalError

from proxy.celery import app
from proxy.config import Config
from proxy.doctor.finding import Finding, fail, ok

_SECONDS = 3.0


def check(config: Config) -> Iterator[Finding]:
    """One finding for each server that is configured."""
    if config.redis_url:
        yield _redis(config.redis_url)
    if config.celery_broker_url:
        yield _broker(config.celery_broker_url)
    if config.weaviate_url:
        yield _weaviate(config.weaviate_url)


def _redis(url: str) -> Finding:
    try:
        with redis.Redis.from_url(url, socket_timeout=_SECONDS, socket_connect_timeout=_SECONDS) as client:
            client.ping()
            version = client.info("server")["redis_version"]
    except (redis.RedisError, OSError, ValueError) as broken:
        remedy = "Check REDIS_URL, and that the server runs. Until then each process keeps to its share of rate limits."
        return fail("redis", f"it does not answer: {broken}", remedy)
    return ok("redis", f"Redis {version} answers")


def _broker(url: str) -> Finding:
    try:
        with app.connection_for_read(url, connect_timeout=_SECONDS) as connection:
            connection.ensure_connection(max_retries=1, interval_start=0, timeout=_SECONDS)
            return ok("broker", f"{connection.transport.driver_type} answers")
    except (OperationalError, OSError, ValueError, KeyError) as broken:
        remedy = "Check CELERY_BROKER_URL, and that the server runs. Without it no background work is done."
        return fail("broker", f"it does not answer: {broken}", remedy)


def _weaviate(url: str) -> Finding:
    try:
        status = httpx.get(url.rstrip("/") + "/v1/.well-known/ready", timeout=_SECONDS).status_code
    except (httpx.HTTPError, httpx.InvalidURL) as broken:
        return fail("weaviate", f"it does not answer: {broken}", "Check WEAVIATE_URL, and that the server runs.")
    if status != 200:
        return fail("weaviate", f"it answers, but is not ready (HTTP {status})", "Look at Weaviate's own log.")
    return ok("weaviate", "ready")
