"""Models on servers, reached as every upstream is: guarded, with its credential, and with bounds of size and time."""

from collections.abc import Iterable, Mapping
from typing import Any, cast
from uuid import UUID

import httpx
import orjson
from asgiref.sync import sync_to_async
from django.conf import settings
from django.utils.module_loading import import_string

from tenants import destinations, queries, secrets
from tenants.models import Upstream

_MOST_BYTES = 64 * 1024 * 1024
_CONNECT_SECONDS = 10.0


class RemoteDown(Exception):
    """The server cannot be asked, or does not answer as it should. The message says why, and quotes no answer."""


class Remote:
    """A model of one of the tenant's upstreams, named `UPSTREAM/MODEL`."""

    def __init__(self, tenant_id: UUID, named: str) -> None:
        self._tenant_id = tenant_id
        self.upstream, _slash, self.model = named.partition("/")

    async def post(self, path: str, bodies: Iterable[Mapping[str, Any]], *, seconds: float) -> list[Any]:
        """What is answered to each body, decoded; None where it is no JSON. Raises RemoteDown."""
        url, credential = await sync_to_async(self._where)(path)
        async with _transport() as transport:
            return [await self._ask(transport, _request(url, credential, body, seconds)) for body in bodies]

    def _where(self, path: str) -> tuple[str, str]:
        """Address and credential, as they are now."""
        row = Upstream.objects.filter(tenant_id=self._tenant_id, name=self.upstream, is_enabled=True).first()
        if row is None or not row.base_url:
            raise RemoteDown(f"The upstream {self.upstream!r} is gone or switched off. Choose another model.")
        try:
            destinations.check_url(row.base_url)
            credential = queries.credential_of(row)
        except (destinations.Forbidden, secrets.CannotDecrypt) as refused:
            raise RemoteDown(f"The upstream {self.upstream!r} cannot be asked: {refused}") from refused
        base = row.base_url if row.base_url.endswith("/v1") else f"{row.base_url}/v1"
        return f"{base}/{path}", credential

    async def _ask(self, transport: httpx.AsyncBaseTransport, request: httpx.Request) -> Any:
        try:
            response = await transport.handle_async_request(request)
            raw = await _read(response)
        except httpx.HTTPError as failed:
            raise RemoteDown(f"The upstream {self.upstream!r} does not answer: {failed}.") from failed
        if response.status_code != 200:
            raise RemoteDown(f"The upstream {self.upstream!r} answered {response.status_code} for {self.model!r}.")
        try:
            return orjson.loads(raw)
        except orjson.JSONDecodeError:
            return None


def _request(url: str, credential: str, body: Mapping[str, Any], seconds: float) -> httpx.Request:
    return httpx.Request(
        "POST",
        url,
        headers={"content-type": "application/json", "authorization": f"Bearer {credential}"},
        content=orjson.dumps(body),
        extensions={"timeout": {"connect": min(_CONNECT_SECONDS, seconds), "read": seconds}},
    )


async def _read(response: httpx.Response) -> bytes:
    pieces, size = [], 0
    async for piece in response.aiter_raw():
        size += len(piece)
        if size > _MOST_BYTES:
            raise httpx.ReadError("the answer is larger than such answers are")
        pieces.append(piece)
    return b"".join(pieces)


def _transport() -> httpx.AsyncBaseTransport:
    """What connects as calls to upstreams do. By name: the engines know nothing of upstreams."""
    return cast(httpx.AsyncBaseTransport, import_string(settings.GUARDED_TRANSPORT)(destinations.check_address))
