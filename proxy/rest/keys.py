"""Who asks: the same keys, with the same rules, as at /v1."""

from collections.abc import Sequence
from functools import partial
from ipaddress import ip_network

from asgiref.sync import async_to_sync, sync_to_async
from django.conf import settings
from django.http import HttpRequest
from ninja.security.base import AuthBase

from proxy import auth, door
from proxy.call import Caller
from proxy.config import list_of
from proxy.directory import SourceDown
from proxy.errors import Unavailable
from proxy.snapshots import DatabaseSource
from tenants import keys

_TRUSTED = [ip_network(cidr) for cidr in list_of(settings.CONFIG.trusted_proxies)]
_KEYS = auth.Keys(keys.is_well_formed, partial(keys.digests, peppers=settings.KEY_PEPPERS))


class _Database:
    """Callers as the database has them now: a key revoked a moment ago is refused."""

    async def find(self, digests: Sequence[str]) -> Caller | None:
        try:
            return await sync_to_async(DatabaseSource.caller)(digests)
        except SourceDown as down:
            raise Unavailable("Keys cannot be checked at the moment. Try again.") from down


class Key(AuthBase):
    """A key with a scope, in `x-api-key` or as a Bearer token. The request's `auth` is its caller."""

    openapi_type = "apiKey"
    openapi_name = "x-api-key"
    openapi_in = "header"

    def __init__(self, scope: str) -> None:
        super().__init__()
        self._scope = scope

    def __call__(self, request: HttpRequest) -> Caller:
        """The caller. Raises Refused."""
        headers = [
            (name.lower().encode(), value.encode("latin-1", "replace")) for name, value in request.headers.items()
        ]
        seen = {
            "method": request.method or "",
            "path": request.path,
            "query_string": request.META.get("QUERY_STRING", "").encode("latin-1", "replace"),
            "headers": headers,
            "client": (request.META.get("REMOTE_ADDR", ""), 0),
        }
        inbound = door.inbound_of(seen, _TRUSTED)
        return async_to_sync(auth.authenticate)(inbound, _Database(), _KEYS, scope=self._scope, at=auth.now())
