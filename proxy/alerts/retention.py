"""Forgets what is old."""

from datetime import datetime, timedelta

from proxy.alerts.models import Alert

_AT_ONCE = 1000


def forget(at: datetime, *, days: int) -> int:
    """Delete alerts older than this, with their deliveries; how many. A condition that still holds is kept."""
    old = Alert.objects.filter(at__lt=at - timedelta(days=days)).exclude(resolved_at=None, source__gt="")
    count = 0
    while ids := list(old.values_list("pk", flat=True)[:_AT_ONCE]):
        Alert.objects.filter(pk__in=ids).delete()
        count += len(ids)
    return count
