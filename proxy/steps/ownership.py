"""Check: nothing in the request may reach what the upstream organisation holds for others.

Threads, containers and files live in the upstream's organisation, not in a tenant: an id given by one
tenant could open another's. They are refused until ids are mapped to tenants. For threads the error is
the one on which Anthropic's SDKs send the whole conversation again by themselves.
"""

import time
from collections.abc import Iterator
from typing import Any

from proxy.call import Call
from proxy.errors import InvalidRequest


class NotOwned(InvalidRequest):
    """The request names something that belongs to the upstream's organisation."""


def check(call: Call) -> None:
    """Raise NotOwned for `thread`, a container or a file named by its id."""
    started = time.perf_counter()
    document = call.document
    if document.get("thread") is not None:
        raise NotOwned(
            "thread: message threads are not supported by this gateway; send the full conversation",
            details={"error_code": "thread_unsupported_request", "unsupported": []},
        )
    if _container_id(document.get("container")):
        raise NotOwned("container: naming a container is not supported by this gateway; leave the id out")
    if b"file_id" in document.raw and any(_file_ids(document.value)):
        raise NotOwned("file_id: files are not supported by this gateway; send the content inline")
    call.trace.note("ownership", started)


def _container_id(container: Any) -> bool:
    if isinstance(container, dict):
        return container.get("id") is not None
    return container is not None


def _file_ids(node: Any) -> Iterator[str]:
    """Ids in `source: {"type": "file", "file_id": …}` and in `container_upload` blocks, at any depth."""
    if isinstance(node, dict):
        if node.get("type") in {"file", "container_upload"} and isinstance(node.get("file_id"), str):
            yield node["file_id"]
        for key, child in node.items():
            if key != "input":  # a tool's own arguments may use the same words
                yield from _file_ids(child)
    elif isinstance(node, list):
        for child in node:
            yield from _file_ids(child)
