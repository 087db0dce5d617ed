"""Fills a database as a month would: one large tenant and many small ones, sessions of agents and single calls."""

import random
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import accumulate, islice
from typing import Any

from proxy.ledger.rollups import checking
from proxy.models import UsageRecord
from tenants.models import ApiKey, Tenant, Upstream

DAYS = 30
_MODELS = ("claude-sonnet-5-5", "claude-opus-5-5", "claude-haiku-5-5", "claude-fable-5-2")
_BATCH = 5000
_IN_SESSIONS = 0.7
_CALLS_OF_SESSION = 60


def fill(calls: int, tenants: int, keys: int) -> None:
    """Tenants, keys, upstreams and calls of the last thirty days. Three in five calls are the first tenant's."""
    chance = random.Random(20261124)
    rows = [Tenant(slug=f"tenant-{number:03}", name=f"Tenant {number}") for number in range(tenants)]
    Tenant.objects.bulk_create(rows)
    owners = [rows[0]] * (keys // 5) + [rows[number % tenants] for number in range(keys - keys // 5)]
    made = ApiKey.objects.bulk_create(
        [
            ApiKey(tenant=owner, name=f"key-{number:05}", budgets=[{"period": "month", "usd": 100}])
            for number, owner in enumerate(owners)
        ],
        batch_size=_BATCH,
    )
    upstreams = Upstream.objects.bulk_create([Upstream(tenant=row, name="main", kind="simulator") for row in rows])
    started = time.monotonic()
    source = _calls(chance, calls, rows, made, {upstream.tenant_id: upstream for upstream in upstreams})
    while batch := list(islice(source, _BATCH)):
        UsageRecord.objects.bulk_create(batch)
    filled = time.monotonic()
    checking.rebuild()
    print(
        f"{calls:,} calls written in {filled - started:.0f} s, added up in {time.monotonic() - filled:.0f} s",
        flush=True,
    )


def _calls(
    chance: random.Random, count: int, tenants: list[Tenant], keys: list[ApiKey], upstreams: dict[Any, Upstream]
) -> Iterator[UsageRecord]:
    of_tenant: dict[Any, list[ApiKey]] = {}
    for key in keys:
        of_tenant.setdefault(key.tenant_id, []).append(key)
    others = [1 / (place + 1) for place in range(len(tenants) - 1)]
    total = list(accumulate([1.5 * sum(others), *others]))
    begin = datetime.now(UTC) - timedelta(days=DAYS)
    number = 0
    while number < count:
        tenant = chance.choices(tenants, cum_weights=total)[0]
        mine = of_tenant[tenant.pk]
        key = mine[min(int(chance.paretovariate(0.7)) - 1, len(mine) - 1)]
        is_session = chance.random() < _IN_SESSIONS / _CALLS_OF_SESSION / (_IN_SESSIONS / _CALLS_OF_SESSION + 0.3)
        at = begin + timedelta(seconds=chance.random() * DAYS * 86_400)
        session = str(uuid.UUID(int=chance.getrandbits(128))) if is_session else ""
        for _ in range(chance.randint(20, 2 * _CALLS_OF_SESSION - 20) if is_session else 1):
            number += 1
            yield _call(chance, number, key, upstreams[tenant.pk], at=at, session=session)
            at += timedelta(seconds=chance.randint(2, 120))
            if number >= count:
                return


def _call(
    chance: random.Random, number: int, key: ApiKey, upstream: Upstream, *, at: datetime, session: str
) -> UsageRecord:
    state, status = chance.choices(
        [("completed", 200), ("refused", 429), ("failed", 529), ("cancelled", 499)], weights=[95, 2, 1, 2]
    )[0]
    micros = int(chance.lognormvariate(14.5, 0.8))
    return UsageRecord(
        id=f"req_{number:024x}",
        process="bench",
        state=state,
        endpoint="messages",
        started_at=at,
        ended_at=at + timedelta(microseconds=micros),
        tenant_id=key.tenant_id,
        tenant_slug=key.tenant.slug,
        key_id=key.pk,
        key_name=key.name,
        model_asked=chance.choices(_MODELS, weights=[60, 20, 15, 5])[0],
        upstream_id=upstream.pk,
        upstream_name=upstream.name,
        upstream_request_id=f"req_up_{number}",
        status=status,
        error_type={429: "rate_limit_error", 529: "overloaded_error"}.get(status, ""),
        input_tokens=chance.randint(10, 5000),
        output_tokens=chance.randint(10, 900),
        cache_read_tokens=chance.randint(0, 90_000) if session else 0,
        cost_nano_usd=chance.randint(10**5, 10**8),
        first_byte_us=micros // 4 if status == 200 else None,
        total_us=micros,
        overhead_us=900,
        client_ip="192.0.2.1",
        user_agent="claude-cli/2.1.44 (external, cli)"
        if session
        else f"anthropic-python/0.{chance.randint(70, 125)}.0",
        session_id=session,
        agent_id=f"agent-{chance.randint(1, 3)}" if session and chance.random() < 0.3 else "",
    )
