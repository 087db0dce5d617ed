"""When keys were last used, to the minute: told by the journal, so that no request waits for it."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q

from tenants.models import ApiKey

_COARSE = timedelta(seconds=60)
_MOST_KEYS = 50_000

Uses = dict[str, datetime]


class KeyUse:
    """Writes at most once a minute and key."""

    def __init__(self) -> None:
        self._written: Uses = {}

    def write(self, rows: Iterable[Mapping[str, Any]]) -> Uses:
        """Update the keys of these records where their time is a minute old; what was written, for `keep`."""
        latest: Uses = {}
        for row in rows:
            key, at = row["key_id"], datetime.fromisoformat(row["started_at"])
            if key not in latest or at > latest[key]:
                latest[key] = at
        due = {key: at for key, at in latest.items() if self._is_due(key, at)}
        for key, at in sorted(due.items()):  # in one order, so that two writers do not wait for each other
            is_old = Q(last_used_at=None) | Q(last_used_at__lt=at - _COARSE)
            ApiKey.objects.filter(is_old, pk=key).update(last_used_at=at)
        return due

    def keep(self, written: Uses) -> None:
        """Remember what is committed."""
        if len(self._written) + len(written) > _MOST_KEYS:
            self._written.clear()
        self._written |= written

    def _is_due(self, key: str, at: datetime) -> bool:
        known = self._written.get(key)
        return known is None or at - known >= _COARSE
