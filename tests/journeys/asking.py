"""A few lines of HTTP for journeys, where an SDK would hide what goes over the wire."""

import http.client
import json
import socket
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

HELLO = {"model": "claude-sonnet-5-5", "max_tokens": 64, "messages": [{"role": "user", "content": "hello"}]}


@dataclass
class Reply:
    """A reply, read to its end."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


def ask(
    url: str, key: str, body: Any = HELLO, *, path: str = "/v1/messages", method: str = "POST", **headers: str
) -> Reply:
    """One request on a connection of its own."""
    where = urlsplit(url)
    connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=20)
    try:
        content = None if method == "GET" else json.dumps(body)
        sent = {"x-api-key": key, "anthropic-version": "2023-06-01", "content-type": "application/json"}
        connection.request(
            method, path, content, sent | {name.replace("_", "-"): value for name, value in headers.items()}
        )
        response = connection.getresponse()
        return Reply(response.status, {name.lower(): value for name, value in response.getheaders()}, response.read())
    finally:
        connection.close()


def open_request(url: str, key: str, body: Any) -> socket.socket:
    """Send a whole request and leave its answer unread."""
    where = urlsplit(url)
    content = json.dumps(body).encode()
    head = (
        f"POST /v1/messages HTTP/1.1\r\nhost: {where.netloc}\r\nx-api-key: {key}\r\nanthropic-version: 2023-06-01\r\n"
        f"content-type: application/json\r\ncontent-length: {len(content)}\r\n\r\n"
    )
    connection = socket.create_connection((where.hostname or "", where.port or 80), timeout=10)
    connection.sendall(head.encode() + content)
    return connection
