"""Calls to judge: kept text of the last days, or the lines of a sample. What cannot be read says why instead."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson
from django.db.models import Q, QuerySet

from proxy.formats import messages
from proxy.formats.document import Document, Malformed
from proxy.replays.judging import Case
from proxy.transcripts import shelf
from proxy.transcripts.models import Transcript
from tenants.models import Tenant
from tenants.secrets import CannotDecrypt

MOST_LINES = 2000
MOST_SAMPLE_BYTES = 2 * 1024 * 1024
_AT_ONCE = 20
Cursor = Any
"""Behind what to go on: plain values, None at the beginning."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A call that cannot be judged, and why."""

    name: str
    why: str


Found = tuple[Case | Unreadable, Cursor]


def of_sample(text: str, behind: Cursor = None) -> Iterator[Found]:
    """Each line that is not empty: a Messages request; in it `response` is its answer, `key_metadata` its key's."""
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip() and number > (behind or 0):
            yield _line(f"line {number}", line), number


def lines_of(text: str) -> int:
    """How many there are."""
    return sum(1 for line in text.split("\n") if line.strip())


def _line(name: str, line: str) -> Case | Unreadable:
    try:
        given = Document.parse(line.strip().encode())
        answer, metadata = _taken(given.value)
        body = {field: value for field, value in given.value.items() if field not in ("response", "key_metadata")}
        request = Document.parse(orjson.dumps(body))
        messages.check(request, endpoint="messages")
    except (Malformed, messages.InvalidField, _Wrong, UnicodeEncodeError) as wrong:
        return Unreadable(name, str(wrong))
    return Case(name, request, answer, metadata)


class _Wrong(ValueError):
    """A field of a line that is no part of a request cannot be used."""


def _taken(value: Mapping[str, Any]) -> tuple[Mapping[str, Any] | None, Mapping[str, Any]]:
    answer, metadata = value.get("response"), value.get("key_metadata", {})
    if isinstance(answer, str):
        answer = {"type": "message", "content": [{"type": "text", "text": answer}]}
    if answer is not None and not (isinstance(answer, dict) and isinstance(answer.get("content"), list)):
        raise _Wrong("response: give a message with a list of content, or a text")
    if not isinstance(metadata, dict):
        raise _Wrong("key_metadata: give an object")
    return answer, metadata


def of_transcripts(tenant: Tenant, days: int, until: datetime, behind: Cursor = None) -> Iterator[Found]:
    """The tenant's kept text of so many days, the oldest first."""
    while some := list(_behind(transcripts(tenant, days, until), behind)[:_AT_ONCE]):
        for row in some:
            behind = [row.started_at.isoformat(), row.pk]
            yield _kept(row, tenant), behind


def transcripts(tenant: Tenant, days: int, until: datetime) -> "QuerySet[Transcript]":
    """Those of so many days before."""
    return shelf.of_tenant(tenant, until).filter(started_at__gte=until - timedelta(days=days), started_at__lte=until)


def _behind(rows: "QuerySet[Transcript]", behind: Cursor) -> "QuerySet[Transcript]":
    if behind is None:
        return rows
    at, last = datetime.fromisoformat(behind[0]), behind[1]
    return rows.filter(Q(started_at__gt=at) | Q(started_at=at, id__gt=last))


def _kept(row: Transcript, tenant: Tenant) -> Case | Unreadable:
    try:
        said = shelf.opened(row, tenant)
        return Case(row.pk, Document.parse(said.request), said.answer, said.metadata, said.types)
    except (CannotDecrypt, Malformed) as broken:
        return Unreadable(row.pk, str(broken))
