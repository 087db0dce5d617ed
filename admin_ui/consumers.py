"""Live requests over a websocket: who may look is asked when it opens and again while it is open."""

import asyncio
import time
from contextlib import suppress
from dataclasses import replace
from typing import Any
from uuid import UUID

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncJsonWebsocketConsumer
from django.http import QueryDict
from django.utils import timezone

from admin_ui import feeds, live, request_filters, request_rows, rights, sessions
from proxy.ledger.usage_queries import Filter
from proxy.models import UsageRecord
from tenants import access

CHECK_SECONDS = 10.0
_MOST_PER_MESSAGE = 100
# Private codes of this product's: the page stops trying again when it sees them.
GONE, FULL = 4404, 4503


class LiveView(AsyncJsonWebsocketConsumer):  # type: ignore[misc]  # channels has no types
    """A page that is fed while it is open. A subclass says what may be seen, and sends it."""

    _relaying: "asyncio.Task[None] | None" = None

    async def connect(self) -> None:
        """Refuse whoever may not look, in one way for all reasons; else begin."""
        view = await self._view()
        if view is None:
            await self.close()
            return
        await self.accept()
        self._relaying = asyncio.create_task(self._relay(view))

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None, **_kwargs: Any) -> None:
        """Nothing is taken from the page."""

    async def disconnect(self, code: int) -> None:
        if self._relaying is not None:
            self._relaying.cancel()
            with suppress(asyncio.CancelledError):
                await self._relaying

    async def _view(self) -> Any:
        """What the asker wants and may see; None: nothing. Read anew each time, so that lost rights end the view."""
        return await database_sync_to_async(self._read)()

    def _read(self) -> Any:
        raise NotImplementedError

    async def _relay(self, view: Any) -> None:
        raise NotImplementedError


class LiveRequests(LiveView):
    """Sends the calls that end and that the address asks for, as rows of the table."""

    _user_id = 0

    async def _relay(self, wanted: Filter) -> None:
        try:
            async with (
                live.FEED.watching(wanted) as watcher,
                rights.GUARD.watching(self.scope["session"].session_key, self._user_id, watcher.wake) as standing,
            ):
                await self.send_json({"kind": "ready"})
                await self._send_all(wanted, watcher, standing)
        except feeds.Full:
            await self.close(FULL)

    async def _send_all(self, wanted: Filter, watcher: live.Watcher, standing: rights.Standing) -> None:
        """Until the right to see them ends: asked when it may have changed, and now and then, as sessions grow old."""
        checked_at = time.monotonic()
        while True:
            try:
                async with asyncio.timeout(CHECK_SECONDS):
                    rows, dropped = await watcher.take()
            except TimeoutError:
                rows, dropped = [], 0
            if standing.is_in_doubt() or time.monotonic() - checked_at >= CHECK_SECONDS:
                if await self._view() is None:
                    await self.close(GONE)
                    return
                checked_at = time.monotonic()
            if rows or dropped:
                await self._send(rows, dropped, wanted)

    async def _send(self, rows: list[UsageRecord], dropped: int, wanted: Filter) -> None:
        shown = rows[-_MOST_PER_MESSAGE:]
        html = await database_sync_to_async(request_rows.html)(shown, is_of_all=wanted.tenant_id is None)
        await self.send_json(
            {"kind": "rows", "html": html, "count": len(shown), "dropped": dropped + len(rows) - len(shown)}
        )

    def _read(self) -> Filter | None:
        user, session = sessions.person_of(self.scope["session"].session_key)
        self._user_id = user.pk or 0
        slug = self.scope["url_route"]["kwargs"].get("slug")
        if slug is None:
            if not user.is_superuser:
                return None
            tenant_id: UUID | None = None
        else:
            try:
                tenant = access.tenant_for(user, slug)
            except access.NotFound:
                return None
            if not sessions.meets(tenant, user, session):
                return None
            tenant_id = tenant.pk
        params = QueryDict(self.scope["query_string"])
        asked = request_filters.read(params, tenant_id=tenant_id, now=timezone.now())
        return replace(asked.wanted, begin=None, end=None)  # what ends from now on
