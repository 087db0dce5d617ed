"""The web server: uvicorn with the one parser and the limits this product stands on."""

from pathlib import Path

import uvicorn
from django.conf import settings

APPLICATION = "proxy.asgi:application"
_MOST_SOCKET_BYTES = 16 * 1024  # pages send next to nothing


def serve(*, host: str, port: int, workers: int, shutdown_seconds: int | None = None) -> None:
    """Serve until SIGTERM or SIGINT; open requests may then run on for `shutdown_seconds`."""
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
        timeout_graceful_shutdown=settings.CONFIG.shutdown_seconds if shutdown_seconds is None else shutdown_seconds,
    )
