"""Requests as rows of their table, the same for a page and for what comes in live."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.template.loader import render_to_string
from django.urls import reverse

from proxy.models import UsageRecord

TEMPLATE = "admin_ui/requests_rows.html"


@dataclass(frozen=True, slots=True)
class Row:
    """One request with the address of its page."""

    record: UsageRecord
    url: str

    @property
    def input_tokens(self) -> int:
        """The whole prompt, cached or not."""
        record = self.record
        cached = record.cache_read_tokens + record.cache_write_5m_tokens + record.cache_write_1h_tokens
        return record.input_tokens + cached


def rows(records: Sequence[UsageRecord], *, is_of_all: bool) -> list[Row]:
    """The records as rows; those of all tenants lead to the platform's pages."""
    return [Row(record, _url(record, is_of_all)) for record in records]


def html(records: Sequence[UsageRecord], *, is_of_all: bool) -> str:
    """The rows alone, the newest first, for records that came the oldest first."""
    context = {"rows": rows(list(reversed(records)), is_of_all=is_of_all), "is_of_all": is_of_all}
    return render_to_string(TEMPLATE, context)


def _url(record: UsageRecord, is_of_all: bool) -> str:
    if is_of_all:
        return reverse("all_requests_detail", args=[record.pk])
    return reverse("requests_detail", args=[record.tenant_slug, record.pk])
