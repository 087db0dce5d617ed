"""How long calls took: percentiles from histograms by the hour."""

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Sum

from proxy.ledger import usage_queries
from proxy.ledger.rollups import parts
from proxy.ledger.rollups.shapes import BUCKET_WIDTH
from proxy.ledger.usage_queries import Filter, State
from proxy.models import HourlyLatency

_MEASURES = [measure.value for measure in HourlyLatency.Measure]
_MOST_RECORDS = 20_000


@dataclass(frozen=True, slots=True)
class Times:
    """Percentiles in µs, None where nothing was measured; within 4.5 % where there are whole hours."""

    p50: int | None
    p95: int | None


def of(wanted: Filter) -> tuple[Times, Times]:
    """Total time and time to the first byte of answered calls, by tenant and time alone."""
    whole = parts.whole_hours(wanted)
    answered = Filter(wanted.tenant_id, state=State.COMPLETED, begin=wanted.begin, end=wanted.end)
    if whole is None:
        measured = _measured(answered)
        return _exact(row[0] for row in measured), _exact(row[1] for row in measured)
    histograms = {measure: Counter[int]() for measure in _MEASURES}
    rows = HourlyLatency.objects.filter(hour__gte=whole.begin)
    rows = rows.filter(tenant_id=wanted.tenant_id) if wanted.tenant_id else rows
    rows = rows.filter(hour__lt=whole.end) if whole.end else rows
    for measure, bucket, calls in rows.values_list("measure", "bucket").annotate(n=Sum("calls")).order_by():
        histograms[measure][bucket] += calls
    for edge in parts.edges(answered, whole):
        for row in _measured(edge):
            for measure, micros in zip(_MEASURES, row, strict=True):
                if micros is not None:
                    histograms[measure][bucket_of(micros)] += 1
    total, first_byte = (_times(histograms[measure]) for measure in _MEASURES)
    return total, first_byte


def bucket_of(micros: int) -> int:
    """Where a time is counted: as shapes.py says in SQL."""
    return math.floor(math.log(micros) / BUCKET_WIDTH) if micros > 0 else 0


def _measured(wanted: Filter) -> list[tuple[int | None, int | None]]:
    return list(usage_queries.records(wanted).values_list("total_us", "first_byte_us")[:_MOST_RECORDS])


def _times(histogram: Counter[int]) -> Times:
    calls = sum(histogram.values())
    if not calls:
        return Times(None, None)
    found = []
    for place in (calls // 2, min(calls - 1, int(calls * 0.95))):
        seen = 0
        for bucket in sorted(histogram):
            seen += histogram[bucket]
            if seen > place:
                found.append(round(math.exp((bucket + 0.5) * BUCKET_WIDTH)))
                break
    return Times(*found)


def _exact(values: Iterable[int | None]) -> Times:
    known = sorted(value for value in values if value is not None)
    if not known:
        return Times(None, None)
    return Times(known[len(known) // 2], known[min(len(known) - 1, int(len(known) * 0.95))])
