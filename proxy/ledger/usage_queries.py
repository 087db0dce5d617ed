"""Which usage records there are: filtered, page by page, and what they add up to.

Every function takes a `Filter`; the one in it that names tenants comes from the asker's rights and nowhere else.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet
from django.db.models.functions import Left

from proxy.models import UsageRecord

_AFTER_EVERY_NAME = "\U0010ffff"
_LEAST_PREFIX_CHARS = 8  # "req_" and four more: fewer would mean thousands
_MOST_FOUND = 200
_FAILED_STATUS = 400
_PER_FETCH = 2000
_MOST_SETTLED = 20_000

State = UsageRecord.State
ENDED_BADLY = (State.REFUSED, State.FAILED, State.CANCELLED, State.INTERRUPTED)


@dataclass(frozen=True, slots=True)
class Filter:
    """What is asked for. Empty parts do not narrow; `tenant_id` None is every tenant: for staff alone."""

    tenant_id: UUID | None
    key_id: UUID | None = None
    model: str = ""  # as asked for; a * at its end stands for anything
    state: str = ""
    status: str = ""  # "429", or a class: "4xx"
    upstream_id: UUID | None = None
    session: str = ""
    agent: str = ""
    search: str = ""  # our request id, its beginning, or the upstream's
    begin: datetime | None = None
    end: datetime | None = None

    def matches(self, record: UsageRecord) -> bool:
        """Whether one record, seen as it comes, is asked for: the same judgement as the database's."""
        exact = [
            (self.tenant_id, record.tenant_id),
            (self.key_id, record.key_id),
            (self.upstream_id, record.upstream_id),
            (self.state, record.state),
            (self.session, record.session_id),
            (self.agent, record.agent_id),
        ]
        return (
            all(not wanted or wanted == found for wanted, found in exact)
            and _matches_prefix(self.model, record.model_asked)
            and _matches_status(self.status, record.status)
            and _matches_search(self.search, record)
            and (self.begin is None or record.started_at >= self.begin)
            and (self.end is None or record.started_at < self.end)
        )


@dataclass(frozen=True, slots=True)
class Cursor:
    """The place of one record in the order of time: pages continue behind it, whatever is added before it."""

    started_at: datetime
    id: str


@dataclass(frozen=True, slots=True)
class Page:
    """Some records, the newest first, and where the next older ones begin."""

    rows: Sequence[UsageRecord]
    older: Cursor | None


def records(wanted: Filter) -> QuerySet[UsageRecord]:
    """The records asked for, the newest first."""
    rows = narrowed(UsageRecord.objects.all(), wanted)
    if wanted.search:
        rows = rows.filter(pk__in=_found(wanted.search))
    if wanted.begin is not None:
        rows = rows.filter(started_at__gte=wanted.begin)
    if wanted.end is not None:
        rows = rows.filter(started_at__lt=wanted.end)
    return rows.order_by("-started_at", "-id")


def narrowed(rows: "QuerySet[Any, Any]", wanted: Filter) -> "QuerySet[Any, Any]":
    """Records or their sums, by what both have columns for: everything but time and search."""
    rows = rows.filter(**_exact(wanted))
    if wanted.model:
        rows = _of_model(rows, wanted.model)
    if wanted.status:
        rows = rows.filter(_status(wanted.status))
    return rows


def page(wanted: Filter, *, behind: Cursor | None = None, size: int = 50) -> Page:
    """The next `size` records behind a place. What a table does not show is not read."""
    rows = records(wanted).defer("trace")
    if behind is not None:
        # The first condition is implied by the second, and is the one that an index can begin at.
        rows = rows.filter(started_at__lte=behind.started_at).filter(
            Q(started_at__lt=behind.started_at) | Q(id__lt=behind.id)
        )
    found = list(rows[: size + 1])
    last = found[size - 1] if len(found) > size else None
    return Page(found[:size], Cursor(last.started_at, last.id) if last else None)


def pages(wanted: Filter, *, size: int = _PER_FETCH) -> Iterator[Sequence[UsageRecord]]:
    """Every record asked for, page by page: no transaction stays open while somebody reads slowly."""
    behind: Cursor | None = None
    while True:
        found = page(wanted, behind=behind, size=size)
        yield found.rows
        behind = found.older
        if behind is None:
            return


def one(wanted: Filter, request_id: str) -> UsageRecord | None:
    """The record of this id, if it is among those asked for."""
    return records(wanted).filter(pk=request_id).first()


def _exact(wanted: Filter) -> dict[str, object]:
    values = {
        "tenant_id": wanted.tenant_id,
        "key_id": wanted.key_id,
        "upstream_id": wanted.upstream_id,
        "state": wanted.state,
        "session_id": wanted.session,
        "agent_id": wanted.agent,
    }
    return {name: value for name, value in values.items() if value}


def _of_model(rows: "QuerySet[Any, Any]", text: str) -> "QuerySet[Any, Any]":
    if not text.endswith("*"):
        return rows.filter(model_asked=text)
    # Looked for in the order of time: a range over names would sort all that it finds first. Not LIKE, which has
    # wildcards and, in SQLite, no case.
    if text == "*":
        return rows
    rows = rows.alias(beginning=Left("model_asked", len(text) - 1))
    return rows.filter(beginning=text[:-1])


def _status(text: str) -> Q:
    low, high = status_range(text)
    found = Q(status__gte=low, status__lte=high)
    # Known of every such record, and what an index is there for.
    return found & Q(state__in=ENDED_BADLY) if low >= _FAILED_STATUS else found


def status_range(text: str) -> tuple[int, int]:
    """The first and last status that "4xx" or "429" means. Raises ValueError."""
    if len(text) == 3 and text[0] in "12345" and text[1:] == "xx":
        low = int(text[0]) * 100
        return low, low + 99
    if len(text) == 3 and text.isdecimal() and text.isascii():
        return int(text), int(text)
    raise ValueError("Give a status such as 429, or a class of them such as 4xx.")


def _found(text: str) -> list[str]:
    """The ids that a search means. Looked up apart: beside other conditions databases scan instead."""
    meant = Q(id=text) | Q(upstream_request_id=text)
    if len(text) >= _LEAST_PREFIX_CHARS:
        # A range, not LIKE: nothing in the text is a wildcard, and the primary key answers it.
        meant |= Q(id__gte=text, id__lt=text + _AFTER_EVERY_NAME)
    return list(UsageRecord.objects.filter(meant).order_by().values_list("pk", flat=True)[:_MOST_FOUND])


def _matches_prefix(wanted: str, found: str) -> bool:
    return found.startswith(wanted[:-1]) if wanted.endswith("*") else wanted in ("", found)


def _matches_status(wanted: str, found: int | None) -> bool:
    if not wanted:
        return True
    low, high = status_range(wanted)
    return found is not None and low <= found <= high


def _matches_search(wanted: str, record: UsageRecord) -> bool:
    is_prefix = len(wanted) >= _LEAST_PREFIX_CHARS and record.id.startswith(wanted)
    return is_prefix or wanted in ("", record.id, record.upstream_request_id)


@dataclass(frozen=True, slots=True)
class Settled:
    """Calls that ended since the last look, the oldest first, and how many more there were than were read."""

    rows: Sequence[UsageRecord]
    known: frozenset[str]  # for the next look
    left_out: int


def settled_since(moment: datetime, known: frozenset[str], most: int) -> Settled:
    """Calls that ended after `moment` and are not known yet, whichever process carried them and wrote them when."""
    ended = UsageRecord.objects.filter(ended_at__gt=moment).order_by("-ended_at")
    ids = list(ended.values_list("id", flat=True)[:_MOST_SETTLED])
    fresh = [id for id in ids if id not in known]
    rows = UsageRecord.objects.filter(pk__in=fresh[:most]).defer("trace").order_by("ended_at", "id")
    return Settled(list(rows) if fresh else [], frozenset(ids), max(len(fresh) - most, 0))
