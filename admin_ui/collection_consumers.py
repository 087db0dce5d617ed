"""A collection's documents over a websocket: who may look is asked when it opens and again while it is open."""

import asyncio
import time
from dataclasses import dataclass

from channels.db import database_sync_to_async
from django.http import QueryDict
from django.template.loader import render_to_string
from django.utils import timezone

from admin_ui import collection_live, collection_pages, feeds, rights, sessions
from admin_ui.consumers import CHECK_SECONDS, FULL, GONE, LiveView
from tenants import access
from tenants.models import Collection


@dataclass(frozen=True, slots=True)
class _View:
    """What one person may see, and whether there are buttons in it."""

    user_id: int
    collection: Collection
    may_edit: bool


class LiveDocuments(LiveView):
    """Sends the table that the address asks for whenever it would look different."""

    async def _relay(self, view: _View) -> None:
        try:
            async with (
                collection_live.FEED.watching(view.collection.pk) as watcher,
                rights.GUARD.watching(self.scope["session"].session_key, view.user_id, watcher.wake) as standing,
            ):
                await self.send_json({"kind": "ready"})
                await self._send_all(view, watcher, standing)
        except feeds.Full:
            await self.close(FULL)

    async def _send_all(self, view: _View, watcher: collection_live.Watcher, standing: rights.Standing) -> None:
        """Until the right to see it ends: asked when it may have changed, and now and then, as sessions grow old."""
        checked_at = time.monotonic()
        while True:
            try:
                async with asyncio.timeout(CHECK_SECONDS):
                    is_changed = await watcher.changed()
            except TimeoutError:
                is_changed = False
            if standing.is_in_doubt() or time.monotonic() - checked_at >= CHECK_SECONDS:
                now = await self._view()
                if now is None:
                    await self.close(GONE)
                    return
                view, checked_at = now, time.monotonic()
            if is_changed:
                params = QueryDict(self.scope["query_string"])
                html = await database_sync_to_async(_html)(view, params)
                await self.send_json({"kind": "documents", "html": html})

    def _read(self) -> _View | None:
        user, session = sessions.person_of(self.scope["session"].session_key)
        asked = self.scope["url_route"]["kwargs"]
        try:
            tenant = access.tenant_for(user, asked["slug"])
            role = access.role_in(user, tenant)
            collection = access.collection_open_to(tenant, asked["collection_id"], role)
        except access.NotFound:
            return None
        if not sessions.meets(tenant, user, session):
            return None
        return _View(user.pk or 0, collection, role in access.EDITORS)


def _html(view: _View, params: QueryDict) -> str:
    """The same piece that the page was drawn with."""
    with timezone.override(view.collection.tenant.timezone):
        context = {
            "tenant": view.collection.tenant,
            "collection": view.collection,
            "table": collection_pages.table(view.collection, params),
            "may_edit": view.may_edit,
            "shown": collection_pages.SHOWN,
        }
        return render_to_string("admin_ui/collections/_documents.html", context)
