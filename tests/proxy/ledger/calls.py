"""Usage entries as a call on its way would make them, and usage records as they are when it ended."""

import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from proxy.call import Caller, Inbound, Outbound, Trace
from proxy.formats.usage import Usage
from proxy.ledger.journal import Journal
from proxy.ledger.prices import PriceBook
from proxy.ledger.record import Ending, Entry, State
from proxy.ledger.rollups import keeping
from proxy.models import UsageRecord
from tests.proxy import build as values

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
_numbers = count(1)
USAGE = Usage(input_tokens=10, output_tokens=20)
DONE = Ending(state=State.COMPLETED, status=200, usage=USAGE, stop_reason="end_turn")


def inbound(id: str, *, headers: Sequence[tuple[bytes, bytes]] = (), client_ip: str = "192.0.2.1") -> Inbound:
    return Inbound("POST", "/v1/messages", b"", list(headers), client_ip, id, time.perf_counter())


def asked(
    journal: Journal, id: str, *, by: Caller | None = None, model: str = "claude-opus-5", book: PriceBook | None = None
) -> tuple[Entry, Outbound]:
    """An entry that knows what is asked for, and where the call would go."""
    asked = inbound(id)
    by = by or values.caller()
    call = values.call({**values.HELLO, "model": model}, by=by, asked=asked)
    entry = Entry(journal, book or PriceBook([]), asked, by)
    entry.ask(call)
    return entry, Outbound(call=call, upstream=by.tenant.upstreams[0], model=model, sent_as=model, body=b"")


def opened(journal: Journal, id: str, *, by: Caller | None = None, model: str = "claude-opus-5") -> Entry:
    entry, outbound = asked(journal, id, by=by, model=model)
    entry.open(outbound)
    return entry


def completed(journal: Journal, id: str, *, by: Caller | None = None) -> None:
    opened(journal, id, by=by).settle(DONE, Trace())


def build(tenant_id: UUID, **fields: Any) -> UsageRecord:
    """A record that is not stored."""
    columns: dict[str, Any] = {
        "id": f"req_{next(_numbers):024x}",
        "process": "test-1",
        "state": "completed",
        "endpoint": "messages",
        "started_at": timezone.now() - timedelta(seconds=2),
        "ended_at": timezone.now(),
        "tenant_id": tenant_id,
        "tenant_slug": "acme",
        "key_id": UUID(int=7),
        "key_name": "ci",
        "model_asked": "claude-sonnet-5-5",
        "model_served": "claude-sonnet-5-5",
        "upstream_id": UUID(int=9),
        "upstream_name": "main",
        "status": 200,
        "input_tokens": 1200,
        "output_tokens": 340,
        "cost_nano_usd": 8_700_000,
        "first_byte_us": 410_000,
        "total_us": 2_000_000,
        "overhead_us": 900,
        "client_ip": "192.0.2.1",
        "user_agent": "anthropic-python/2.13",
    }
    return UsageRecord(**columns | fields)


def store(tenant_id: UUID, **fields: Any) -> UsageRecord:
    """A stored record."""
    return keep([build(tenant_id, **fields)])[0]


def keep(records: Iterable[UsageRecord]) -> list[UsageRecord]:
    """Store records as the ledger does: with what they add up to."""
    new = list(records)
    with transaction.atomic(), keeping.counted([record.pk for record in new]):
        return UsageRecord.objects.bulk_create(new)
