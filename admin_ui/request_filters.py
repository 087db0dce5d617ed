"""The filters of requests as they stand in an address: read, checked and written again."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode
from uuid import UUID

from django.http import QueryDict

from admin_ui import timerange
from admin_ui.timerange import TimeRange
from proxy.ledger import usage_queries
from proxy.ledger.usage_queries import Cursor, Filter
from proxy.models import UsageRecord

NAMES = ("q", "key", "model", "state", "status", "upstream", "session", "agent")
MOST_CHARS = 200
_CURSOR = re.compile(r"([0-9]{1,17})-([A-Za-z0-9_]{1,40})")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Asked:
    """What an address asks for: the filter, the texts as given, and what is wrong with them by name."""

    wanted: Filter
    range: TimeRange
    values: Mapping[str, str]
    errors: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_narrowed(self) -> bool:
        """Whether anything but time is asked for."""
        return any(self.values.values())

    @property
    def chips(self) -> list[tuple[str, str]]:
        """What is filtered by, beside time."""
        return [(name, value) for name, value in self.values.items() if value]

    def query(self, **changes: str) -> str:
        """The same as the part of an address behind the question mark, with some values changed."""
        values = {name: value for name, value in {**self.values, **changes}.items() if value}
        return "&".join(filter(None, [urlencode(values), self.range.query]))


def read(params: QueryDict, *, tenant_id: UUID | None, now: datetime) -> Asked:
    """The filter that the parameters describe; a wrong one is named and does not narrow.

    Whoever looks for one id means it whenever it was.
    """
    values = {name: params.get(name, "").strip()[:MOST_CHARS] for name in NAMES}
    errors: dict[str, str] = {}
    span = timerange.of(params, now)
    if span.error:
        errors["from"] = span.error
    wanted = Filter(
        tenant_id=tenant_id,
        key_id=_uuid(values, "key", errors),
        upstream_id=_uuid(values, "upstream", errors),
        model=values["model"],
        state=_state(values, errors),
        status=_status(values, errors),
        session=values["session"],
        agent=values["agent"],
        search=values["q"],
        begin=None if values["q"] else span.start,
        end=None if values["q"] or span.preset else span.end,
    )
    return Asked(wanted, span, values, errors)


def cursor(text: str) -> Cursor | None:
    """The place a page begins behind; None for what is no place."""
    found = _CURSOR.fullmatch(text)
    if not found:
        return None
    try:
        return Cursor(_EPOCH + timedelta(microseconds=int(found[1])), found[2])
    except OverflowError:
        return None


def cursor_text(place: Cursor) -> str:
    """A place as it stands in an address, exact to the microsecond."""
    return f"{(place.started_at - _EPOCH) // timedelta(microseconds=1)}-{place.id}"


def _uuid(values: Mapping[str, str], name: str, errors: dict[str, str]) -> UUID | None:
    if not values[name]:
        return None
    try:
        return UUID(values[name])
    except ValueError:
        errors[name] = "This is not an id. Choose one from the list."
        return None


def _state(values: Mapping[str, str], errors: dict[str, str]) -> str:
    if values["state"] and values["state"] not in UsageRecord.State.values:
        errors["state"] = f"Choose one of {', '.join(UsageRecord.State.values)}."
        return ""
    return values["state"]


def _status(values: Mapping[str, str], errors: dict[str, str]) -> str:
    try:
        if values["status"]:
            usage_queries.status_range(values["status"])
    except ValueError as wrong:
        errors["status"] = str(wrong)
        return ""
    return values["status"]
