"""Errors as the Messages API names them, by status."""

from collections.abc import Mapping
from typing import Any

from proxy.errors import Refused

TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    408: "timeout_error",
    409: "conflict_error",
    413: "request_too_large",
    429: "rate_limit_error",
    500: "api_error",
    504: "timeout_error",
    529: "overloaded_error",
}


class Failure(Refused):
    """The simulator answers with an error: a wrong request, or one that was asked for."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        type: str = "",
        headers: Mapping[str, str] | None = None,
        details: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message, headers=headers, details=details)
        self.status = status
        self.type = type or TYPES.get(status, "invalid_request_error" if status < 500 else "api_error")
