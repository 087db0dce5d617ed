"""Usage records for tests, with what a test does not name filled in."""

from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID

from django.utils import timezone

from proxy.models import UsageRecord

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
_numbers = count(1)


def build(tenant_id: UUID, **fields: Any) -> UsageRecord:
    """A record that is not stored."""
    values: dict[str, Any] = {
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
    return UsageRecord(**values | fields)


def store(tenant_id: UUID, **fields: Any) -> UsageRecord:
    """A stored record."""
    record = build(tenant_id, **fields)
    record.save(force_insert=True)
    return record
