"""HTTP and websocket entry: probes and /v1 are answered beside Django, everything else by it."""

import asyncio
import os
from contextlib import AsyncExitStack
from ipaddress import ip_network
from typing import cast

from django.conf import settings
from django.core.asgi import get_asgi_application
from django.utils.module_loading import import_string

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "proxy.settings")
pages = get_asgi_application()  # loads the apps: what follows imports models

from proxy import auth, edge, probes, startup  # noqa: E402
from proxy.bodies import Bodies  # noqa: E402
from proxy.config import Config, list_of  # noqa: E402
from proxy.door import Door, inbound_of  # noqa: E402
from proxy.errors import Refused  # noqa: E402
from proxy.hosting.shutdown import Shutdown  # noqa: E402
from proxy.runtime import Runtime  # noqa: E402

MAX_PAGE_BYTES = 2_621_440  # Django's own default for what a form may hold
_FORM_BYTES = 1024 * 1024  # what surrounds a file


class Application:
    """The ASGI application of a web process. Its runtime starts with the server, or at the first request
    under servers without a lifespan (Daphne)."""

    def __init__(self, config: Config, pages: edge.App, sockets: edge.App, door: edge.Door) -> None:
        self._config = config
        self._sockets = sockets
        self._may_send_file = door
        self._pages = edge.bounded(pages, MAX_PAGE_BYTES)
        self._uploads = edge.bounded(pages, config.max_document_bytes + _FORM_BYTES)
        self._trusted = [ip_network(cidr) for cidr in list_of(config.trusted_proxies)]
        self._door = Door(
            self._trusted,
            Bodies(config.max_bodies_bytes, config.max_key_bodies_bytes),
            None if config.fast_path else pages,
        )
        self._shutdown = Shutdown(
            drain_seconds=config.drain_seconds, grace_seconds=config.shutdown_seconds, end_calls=self._end_calls
        )
        self._stack = AsyncExitStack()
        self._starting = asyncio.Lock()
        self._runtime: Runtime | None = None

    async def __call__(self, scope: edge.Scope, receive: edge.Receive, send: edge.Send) -> None:
        """One connection or the server's lifespan."""
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        else:
            await self._sockets(scope, receive, send)

    async def _http(self, scope: edge.Scope, receive: edge.Receive, send: edge.Send) -> None:
        path: str = scope["path"]
        if self._shutdown.is_draining:
            send = edge.last_of_its_connection(send)
        if path.startswith("/v1/"):
            await self._door(scope, receive, send, self._runtime or await self.start())
        elif path.startswith("/api/") and await self._is_known(scope):
            await self._uploads(scope, receive, send)
        elif probes.is_probe(scope["method"], path):
            if path == "/readyz":
                await self.start()  # without a lifespan nothing else would, until the first call
            await probes.answer(scope["method"], path, send, None if self._shutdown.is_draining else self._runtime)
        elif await self._may_send_file(scope):
            await self._uploads(scope, receive, send)
        else:
            await self._pages({**scope, "runtime": self._runtime}, receive, send)  # for pages that try things out

    async def _is_known(self, scope: edge.Scope) -> bool:
        """Whether a file may be taken in before the view is asked: for a stranger nothing is spooled to disk."""
        runtime = self._runtime or await self.start()
        try:
            inbound = inbound_of(scope, self._trusted)
            await auth.authenticate(inbound, runtime.directory, runtime.keys, scope="documents", at=auth.now())
        except Refused:
            return False
        return True

    async def start(self) -> Runtime:
        """The runtime, made once."""
        async with self._starting:
            if self._runtime is None:
                self._runtime = await self._stack.enter_async_context(startup.running(self._config))
        return self._runtime

    def _end_calls(self) -> None:
        if self._runtime is not None:
            self._runtime.journal.is_ending = True
        self._door.end_calls()

    async def _lifespan(self, receive: edge.Receive, send: edge.Send) -> None:
        await receive()
        try:
            await self.start()
        except Exception as error:  # noqa: BLE001 - any failure here is the server's to report
            await send({"type": "lifespan.startup.failed", "message": f"{type(error).__name__}: {error}"})
            return
        self._shutdown.listen()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        self._runtime = None
        await self._stack.aclose()
        await send({"type": "lifespan.shutdown.complete"})


application = Application(
    settings.CONFIG,
    cast(edge.App, pages),
    import_string(settings.SOCKETS_APPLICATION),
    import_string(settings.UPLOADS_DOOR),
)
