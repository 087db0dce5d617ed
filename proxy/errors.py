"""Every refusal of the proxy's own, in the envelope Anthropic's clients understand.

    Refused                      status, error type, message, headers
     ├─ InvalidRequest      400  invalid_request_error
     ├─ NotAuthenticated    401  authentication_error    x-should-retry: false
     ├─ NotPermitted        403  permission_error        x-should-retry: false
     ├─ NotFound            404  not_found_error
     ├─ TooLarge            413  request_too_large
     ├─ TooSlow             408  timeout_error
     ├─ Unavailable         503  api_error               retry-after
     ├─ Broken              500  api_error               a defect of the proxy, in its log
     └─ UpstreamFailed      502  api_error               (declared in proxy/upstreams)

Steps declare their own subclasses beside what raises them.
"""

from collections.abc import Mapping
from typing import Any

import orjson


class Refused(Exception):
    """We said no. Rendered by the door as a JSON error, or as an SSE `error` event once a stream runs."""

    status = 400
    type = "invalid_request_error"
    headers: Mapping[str, str] = {}

    def __init__(
        self, message: str, *, headers: Mapping[str, str] | None = None, details: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.headers = {**type(self).headers, **(headers or {})}
        self.details = details

    def body(self, request_id: str) -> bytes:
        """Anthropic's error envelope: {"type": "error", "error": {...}, "request_id": ...}."""
        error: dict[str, Any] = {"type": self.type, "message": self.message}
        if self.details:
            error["details"] = dict(self.details)
        return orjson.dumps({"type": "error", "error": error, "request_id": request_id})


class ClientGone(Exception):
    """The client hung up while it was still sending: there is nobody to answer."""


class InvalidRequest(Refused):
    """The request cannot be forwarded as it is; the message names the field."""


class NotAuthenticated(Refused):
    status = 401
    type = "authentication_error"
    headers = {"x-should-retry": "false"}


class NotPermitted(Refused):
    status = 403
    type = "permission_error"
    headers = {"x-should-retry": "false"}


class NotFound(Refused):
    status = 404
    type = "not_found_error"
    headers = {"x-should-retry": "false"}


class TooLarge(Refused):
    status = 413
    type = "request_too_large"
    headers = {"x-should-retry": "false"}


class TooSlow(Refused):
    status = 408
    type = "timeout_error"


class Unavailable(Refused):
    status = 503
    type = "api_error"
    headers = {"retry-after": "2"}


class Broken(Refused):
    """A defect of the proxy's own; the details are in its log, under the request's id."""

    status = 500
    type = "api_error"


class Stopping(Refused):
    """The server ends before the answer does; another one, or the same one soon, will take the call."""

    status = 529
    type = "overloaded_error"
    headers = {"retry-after": "2"}
