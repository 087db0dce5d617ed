"""Usage records as calls leave them, for pages that add them up."""

import itertools
from datetime import timedelta
from typing import Any

from django.utils import timezone

from proxy.models import UsageRecord
from tenants.models import Tenant

_numbers = itertools.count(1)


def record(tenant: Tenant, **fields: Any) -> UsageRecord:
    """One completed call a minute ago, unless the fields say otherwise; not stored yet."""
    values = {
        "id": f"req_{next(_numbers):024d}",
        "process": "test",
        "state": "completed",
        "endpoint": "messages",
        "started_at": timezone.now() - timedelta(minutes=1),
        "ended_at": timezone.now(),
        "tenant_id": tenant.pk,
        "tenant_slug": tenant.slug,
        "key_id": tenant.pk,
        "key_name": "ci",
        "model_asked": "claude-sonnet-5-5",
        "model_served": "claude-sonnet-5-5",
        "status": 200,
        "input_tokens": 100,
        "output_tokens": 20,
        "cost_nano_usd": 1_500_000,
        "first_byte_us": 300_000,
        "total_us": 900_000,
        **fields,
    }
    return UsageRecord(**values)
