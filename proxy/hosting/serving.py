"""The web server: uvicorn with the one parser and the limits this product stands on."""

import resource
from pathlib import Path

import structlog
import uvicorn
from django.conf import settings

log = structlog.get_logger(__name__)

APPLICATION = "proxy.asgi:application"
_FILES_BESIDE = 256
_SECONDS_TO_SAY_GOODBYE = 5
_MOST_SOCKET_BYTES = 16 * 1024  # pages send next to nothing


def serve(*, host: str, port: int, workers: int) -> None:
    """Serve until SIGTERM or SIGINT (shutdown.py says what happens then)."""
    _allow_files(2 * settings.CONFIG.max_connections + _FILES_BESIDE)  # a client's connection, and its upstream's
    uvicorn.run(
        APPLICATION,
        host=host,
        port=port,
        workers=workers,
        # "auto" would fall back to h11, which answers requests hidden in bodies.
        http="proxy.hosting.connection:GuardedProtocol",
        loop="uvloop",
        ws="websockets-sansio",
        ws_max_size=_MOST_SOCKET_BYTES,
        ws_per_message_deflate=False,
        lifespan="on",
        interface="asgi3",
        app_dir=str(Path(settings.BASE_DIR)),
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=True,
        proxy_headers=False,  # client addresses are decided in one place, from LLMP_TRUSTED_PROXIES
        timeout_graceful_shutdown=settings.CONFIG.shutdown_seconds + _SECONDS_TO_SAY_GOODBYE,
    )


def _allow_files(wanted: int) -> None:
    """Raise the limit of open files as far as this process may; its workers inherit it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    if most < wanted:
        log.warning("fewer files may be open than LLMP_MAX_CONNECTIONS can need", wanted=wanted, allowed=most)
