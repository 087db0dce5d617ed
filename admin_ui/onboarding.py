"""What a new tenant still lacks, told from what is there and not from what was clicked."""

from dataclasses import dataclass

from django.core.cache import cache

from proxy.models import UsageRecord
from tenants.models import ApiKey, Tenant, Upstream

_ANSWERED_SECONDS = 7 * 86_400


@dataclass(frozen=True, slots=True)
class Checklist:
    """The steps up to the first request."""

    upstreams: int
    upstream_answers: bool
    keys: int
    first_request: UsageRecord | None  # the latest, once there is any

    @property
    def is_done(self) -> bool:
        return bool(self.upstreams and self.upstream_answers and self.keys and self.first_request)

    @property
    def mark(self) -> str:
        """Changes when what is shown does."""
        first = self.first_request
        parts = (self.upstreams, self.upstream_answers, self.keys, first and first.pk, first and first.state)
        return "-".join(str(part) for part in parts)


def checklist(tenant: Tenant) -> Checklist:
    """The tenant's state as of now, in three queries."""
    upstreams = list(Upstream.objects.filter(tenant=tenant, is_enabled=True).exclude(kind=Upstream.Kind.DETECTOR))
    latest = UsageRecord.objects.filter(tenant_id=tenant.pk).defer("trace").first()
    answers = any(row.kind == Upstream.Kind.SIMULATOR or cache.get(_mark(row)) for row in upstreams)
    return Checklist(
        upstreams=len(upstreams),
        upstream_answers=answers or (latest is not None and latest.state == UsageRecord.State.COMPLETED),
        keys=ApiKey.objects.filter(tenant=tenant, status=ApiKey.Status.ACTIVE).count(),
        first_request=latest,
    )


def note_answer(upstream: Upstream) -> None:
    """Remember that this upstream answered a test at its present address."""
    cache.set(_mark(upstream), True, _ANSWERED_SECONDS)


def _mark(upstream: Upstream) -> str:
    return f"upstream-answers:{upstream.tenant_id}:{upstream.pk}:{upstream.base_url}"
