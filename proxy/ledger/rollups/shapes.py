"""What each rollup holds, as SQL over usage records: the same text keeps, makes and checks them."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from uuid import UUID

from django.db import connection

from proxy.ledger.usage_queries import ENDED_BADLY
from proxy.models import Hourly, HourlyClient, HourlyLatency, HourlyUsage, UsageRecord

NO_UPSTREAM = UUID(int=0)
BUCKET_WIDTH = math.log(2) / 8
"""Of a latency's logarithm. The middle of a bucket is at most 4.5 % from what is in it."""

RECORDS = UsageRecord._meta.db_table
_BADLY = ", ".join(f"'{state.value}'" for state in ENDED_BADLY)
_TOKENS = {
    "input_tokens": "SUM(input_tokens)",
    "output_tokens": "SUM(output_tokens)",
    "cache_write_tokens": "SUM(cache_write_5m_tokens + cache_write_1h_tokens)",
    "cache_read_tokens": "SUM(cache_read_tokens)",
    "cost_nano_usd": "SUM(cost_nano_usd)",
}


@dataclass(frozen=True, slots=True)
class Shape:
    """One rollup: which columns tell its rows apart, which only name them, and which are sums.

    Each with its expression over the records that fulfil `where`.
    """

    model: type[Hourly]
    keys: Mapping[str, str]
    sums: Mapping[str, str]
    where: str = "state <> 'started'"
    names: Mapping[str, str] | None = None

    @property
    def table(self) -> str:
        return self.model._meta.db_table

    def select(self, condition: str = "", *, sign: int = 1, has_names: bool = True) -> str:
        """The rows that records add up to, in one order."""
        names = dict(self.names or {}) if has_names else {}
        sums = {column: f"{sign} * {expression}" for column, expression in self.sums.items()}
        columns = [f"{expression} AS {column}" for column, expression in {**self.keys, **names, **sums}.items()]
        places = ", ".join(str(place + 1) for place in range(len(self.keys)))
        where = f"{self.where} AND {condition}" if condition else self.where
        # Our own names and expressions; values are parameters.
        return f"SELECT {', '.join(columns)} FROM {RECORDS} WHERE {where} GROUP BY {places} ORDER BY {places}"  # noqa: S608

    def insert(self, condition: str = "", *, sign: int = 1) -> str:
        """The statement that adds what records come to, or with -1 takes it away."""
        columns = [*self.keys, *(self.names or {}), *self.sums]
        changes = [f"{column} = {self.table}.{column} + excluded.{column}" for column in self.sums]
        changes += [f"{column} = excluded.{column}" for column in self.names or {}]
        return (
            f"INSERT INTO {self.table} ({', '.join(columns)}) {self.select(condition, sign=sign)} "
            f"ON CONFLICT ({', '.join(self.keys)}) DO UPDATE SET {', '.join(changes)}"
        )


@cache
def shapes() -> tuple[Shape, ...]:
    """All rollups, in the order in which they are written everywhere: so no two writers wait for each other."""
    return (_usage(), _client(), *(_latency(measure) for measure in HourlyLatency.Measure))


def _usage() -> Shape:
    return Shape(
        HourlyUsage,
        keys={
            "tenant_id": "tenant_id",
            "hour": _hour(),
            "key_id": "key_id",
            "model_asked": "model_asked",
            "upstream_id": f"COALESCE(upstream_id, '{NO_UPSTREAM.hex}')",
            "state": "state",
            "status": "COALESCE(status, 0)",
            "error_type": "error_type",
        },
        names={
            "tenant_slug": "MAX(tenant_slug)",
            "key_name": "MAX(key_name)",
            "upstream_name": "MAX(upstream_name)",
        },
        sums={
            "calls": "COUNT(*)",
            "asked": "SUM(CASE WHEN endpoint = 'messages' AND upstream_id IS NOT NULL THEN 1 ELSE 0 END)",
            **_TOKENS,
            "looked_up": "SUM(CASE WHEN cache_state IN ('hit', 'semantic-hit', 'miss') THEN 1 ELSE 0 END)",
            "answered_from_cache": "SUM(CASE WHEN cache_state IN ('hit', 'semantic-hit') THEN 1 ELSE 0 END)",
            "answered_semantically": "SUM(CASE WHEN cache_state = 'semantic-hit' THEN 1 ELSE 0 END)",
            "saved_nano_usd": "SUM(saved_nano_usd)",
            "first_byte_us": "SUM(COALESCE(first_byte_us, 0))",
            "first_byte_calls": "COUNT(first_byte_us)",
        },
    )


def _client() -> Shape:
    columns = ("key_id", "session_id", "agent_id", "user_agent")
    return Shape(
        HourlyClient,
        keys={"tenant_id": "tenant_id", "hour": _hour(), **{column: column for column in columns}},
        sums={
            "calls": "COUNT(*)",
            "failed": f"SUM(CASE WHEN state IN ({_BADLY}) THEN 1 ELSE 0 END)",
            **_TOKENS,
        },
        where="state NOT IN ('started', 'dry_run')",
    )


def _latency(measure: HourlyLatency.Measure) -> Shape:
    column = f"{measure.value}_us"
    bucket = f"CAST(FLOOR(LN(CAST({column} AS DOUBLE PRECISION)) / {BUCKET_WIDTH!r}) AS INTEGER)"
    return Shape(
        HourlyLatency,
        keys={
            "tenant_id": "tenant_id",
            "hour": _hour(),
            "measure": f"CAST('{measure.value}' AS VARCHAR(16))",
            "bucket": f"CASE WHEN {column} > 0 THEN {bucket} ELSE 0 END",
        },
        sums={"calls": "COUNT(*)"},
        where=f"state = 'completed' AND {column} IS NOT NULL",
    )


def _hour() -> str:
    if connection.vendor == "postgresql":
        return "DATE_TRUNC('hour', started_at, 'UTC')"
    return "SUBSTR(started_at, 1, 13) || ':00:00'"
