"""Which larger bodies the server takes in for pages: a file, from somebody who may write to the collection it is for.

Django spools a body to disk before any view is asked, so this is asked before the body is.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from channels.db import database_sync_to_async
from django.conf import settings
from django.http import parse_cookie

from admin_ui import origins, sessions
from tenants import access

_PATH = re.compile(r"/t/(?P<slug>[-\w]+)/collections/(?P<collection>[0-9a-f-]{36})/upload/")


async def is_welcome(scope: Mapping[str, Any]) -> bool:
    """Whether this request may have a body as large as a document."""
    found = _PATH.fullmatch(scope["path"])
    if found is None or scope["method"] != "POST" or not origins.is_own(scope["headers"]):
        return False
    key = _session_key(scope["headers"])
    return bool(key) and bool(await database_sync_to_async(_may_write)(key, found["slug"], found["collection"]))


def _session_key(headers: Iterable[tuple[bytes, bytes]]) -> str:
    cookies = "; ".join(value.decode("latin-1") for name, value in headers if name.lower() == b"cookie")
    return parse_cookie(cookies).get(settings.SESSION_COOKIE_NAME, "")


def _may_write(session_key: str, slug: str, collection_id: str) -> bool:
    person, session = sessions.person_of(session_key)
    try:
        tenant = access.tenant_for(person, slug, roles=access.EDITORS)
        access.collection_open_to(tenant, UUID(collection_id), access.role_in(person, tenant))
    except (access.NotFound, access.NotAllowed, ValueError):
        return False
    return sessions.meets(tenant, person, session)
