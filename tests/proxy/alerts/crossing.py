"""A process that looks at every budget of acme as soon as it may, and prints how many events it made.

Its argument is a folder: it leaves a file `ready-…` there and waits for one called `go`. With `make` instead it makes
the budgets: thirty keys, each beyond all of its thresholds.
"""

import os
import sys
import time
from pathlib import Path

import django

django.setup()

from django.utils import timezone  # noqa: E402

from proxy.alerts import budgets  # noqa: E402
from proxy.ledger.budgets import periods  # noqa: E402
from proxy.models import BudgetWindow  # noqa: E402
from tenants import actions  # noqa: E402
from tenants.models import ApiKey  # noqa: E402


def make() -> None:
    acme = actions.create_tenant(actor="x", slug="acme", name="Acme")
    actions.add_channel(actor="x", tenant=acme, name="team", kind="email", recipients=["a@acme.example"])
    starts_at, ends_at = periods.window("total", timezone.now(), "UTC")
    for number in range(30):
        budget = {"period": "total", "requests": 1}
        key = actions.issue_key(actor="x", tenant=acme, name=f"k{number}", budgets=[budget]).key
        BudgetWindow.objects.create(
            owner_id=key.pk, unit="requests", period="total", starts_at=starts_at, ends_at=ends_at, spent=1
        )


def look(folder: Path) -> int:
    keys = list(ApiKey.objects.values_list("pk", flat=True))
    (folder / f"ready-{os.getpid()}").touch()
    while not (folder / "go").exists():
        time.sleep(0.001)
    return len(budgets.look(keys, timezone.now()))


if __name__ == "__main__":
    print(make() or 0 if sys.argv[1] == "make" else look(Path(sys.argv[1])))
