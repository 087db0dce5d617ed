"""Links between pages that carry their filters along."""

from urllib.parse import urlencode

from django.urls import reverse

from admin_ui.timerange import TimeRange
from tenants.models import Tenant


def requests(tenant: Tenant, span: TimeRange, **filters: object) -> str:
    """The tenant's requests of this time with these filters."""
    kept = urlencode({name: value for name, value in filters.items() if value})
    return f"{reverse('requests', args=[tenant.slug])}?{'&'.join(filter(None, [kept, span.query]))}"
