"""What usage records add up to, in the units of budgets. The one place that says what counts."""

from typing import Any

from django.db.models import BigIntegerField, Case, F, Q, QuerySet, Sum, Value, When
from django.db.models.functions import Coalesce

from proxy.ledger.budgets import books
from proxy.models import BudgetWindow, UsageRecord

USD, TOKENS, REQUESTS = (unit.value for unit in BudgetWindow.Unit)
_ASKED = Q(endpoint="messages", upstream_id__isnull=False)
AMOUNTS: dict[str, Any] = {
    USD: F("cost_nano_usd"),
    TOKENS: F("input_tokens")
    + F("output_tokens")
    + F("cache_write_5m_tokens")
    + F("cache_write_1h_tokens")
    + F("cache_read_tokens"),
    REQUESTS: Case(When(_ASKED, then=Value(1)), default=Value(0), output_field=BigIntegerField()),
}
"""What one record counts in each unit, as an expression."""
_IN_WINDOWS = """
    WITH ended (tenant_id, key_id, started_at, usd, tokens, requests) AS ({ended}),
    owned (owner_id, started_at, usd, tokens, requests) AS (
        SELECT tenant_id, started_at, usd, tokens, requests FROM ended
        UNION ALL SELECT key_id, started_at, usd, tokens, requests FROM ended
    )
    SELECT w.id, CAST(SUM(CASE w.unit WHEN 'usd' THEN usd WHEN 'tokens' THEN tokens ELSE requests END) AS bigint)
    FROM owned JOIN {windows} w ON w.owner_id = owned.owner_id
        AND w.starts_at <= owned.started_at AND (w.ends_at IS NULL OR owned.started_at < w.ends_at)
    GROUP BY w.id
"""


def spent(window: BudgetWindow) -> int:
    """The window's whole sum, from the records."""
    within = UsageRecord.objects.filter(
        Q(tenant_id=window.owner_id) | Q(key_id=window.owner_id), started_at__gte=window.starts_at
    )
    if window.ends_at is not None:
        within = within.filter(started_at__lt=window.ends_at)
    ended = within.exclude(state=UsageRecord.State.STARTED)
    return int(ended.aggregate(total=Coalesce(Sum(AMOUNTS[window.unit]), 0))["total"])


def in_windows(records: "QuerySet[UsageRecord]") -> dict[int, int]:
    """What the settled ones among these records add to each window that there is, by its id.

    A call under way is held, not spent.
    """
    ended = records.exclude(state=UsageRecord.State.STARTED)
    amounts = (AMOUNTS[unit] for unit in (USD, TOKENS, REQUESTS))
    statement, values = ended.values_list("tenant_id", "key_id", "started_at", *amounts).query.sql_with_params()
    return dict(books.rows(_IN_WINDOWS.format(ended=statement, windows=books.table(BudgetWindow)), values))
