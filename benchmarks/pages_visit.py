"""The part of `benchmarks.pages` that runs in one database's environment: fill, visit, print."""

import gzip
import sys
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field

import django

django.setup()

from django.contrib.auth.models import User  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402
from django.test import Client  # noqa: E402
from django.test.utils import CaptureQueriesContext  # noqa: E402

from benchmarks import pages_fill  # noqa: E402
from proxy.models import UsageRecord  # noqa: E402
from tenants.models import ApiKey, Tenant, Upstream  # noqa: E402
from tests.security import test_matrix as matrix  # noqa: E402

_TIMES = ("", "?range=1h", "?range=7d", "?range=30d")


@dataclass
class Visits:
    """What one page took, each time."""

    path: str
    queries: int = 0
    weight: int = 0
    seconds: list[float] = field(default_factory=list)
    cpu_seconds: list[float] = field(default_factory=list)

    def row(self) -> str:
        """A line of the table."""
        times = sorted(self.seconds)
        p50, p95 = times[len(times) // 2], times[min(len(times) - 1, int(len(times) * 0.95))]
        cpu = sorted(self.cpu_seconds)[len(times) // 2]
        figures = f"{self.queries} | {p50 * 1000:.0f} | {p95 * 1000:.0f} | {cpu * 1000:.0f} | {self.weight / 1024:.1f}"
        return f"| `{self.path}` | {figures} |"


def visit(client: Client, path: str, runs: int) -> Visits | None:
    """None for what is no page."""
    found = Visits(path)
    for run in range(runs + 1):
        with CaptureQueriesContext(connection) as queries:
            begin, begin_cpu = time.perf_counter(), time.process_time()
            answer = client.get(path)
            seconds, cpu = time.perf_counter() - begin, time.process_time() - begin_cpu
        if answer.status_code != 200 or not answer.headers["content-type"].startswith("text/html"):
            return None
        found.queries, found.weight = len(queries), len(gzip.compress(answer.content))
        if run:  # the first fills caches
            found.seconds.append(seconds)
            found.cpu_seconds.append(cpu)
    return found


def paths() -> Iterator[str]:
    """Every page of the large tenant and of the platform, and the heavy ones as people ask for them."""
    tenant = Tenant.objects.order_by("slug")[0]
    call = UsageRecord.objects.filter(tenant_id=tenant.pk).order_by("-started_at")[10]
    key, upstream = ApiKey.objects.get(pk=call.key_id), Upstream.objects.get(tenant=tenant)
    values = {**matrix.MISSING, "key_id": str(key.pk), "upstream_id": str(upstream.pk), "request_id": call.pk}
    own = matrix.Objects(tenant.slug, values)
    yield from (own.fill(route) for route in (*matrix.TENANT, *matrix.PLATFORM) if not route.endswith(".csv"))
    home = f"/t/{tenant.slug}/"
    yield from (f"{page}{span}" for page in (home, "/platform/") for span in _TIMES[1:])
    for by in ("key", "model", "client", "session", "agent", "upstream", "day"):
        yield f"{home}usage/?by={by}&range=30d"
    yield f"{home}usage/?by=key&range=30d&measure=tokens&model=claude-opus-5-5"
    yield f"{home}usage/?by=session&range=30d&key={key.pk}"
    yield from (f"/platform/usage/?by={by}&range=30d" for by in ("tenant", "key", "model", "session"))
    for narrow in filters(key, call):
        yield f"{home}requests/?{narrow}"
        yield f"/platform/requests/?{narrow}"


def filters(key: ApiKey, call: UsageRecord) -> Iterator[str]:
    """What the list of requests is narrowed by."""
    for span in ("24h", "30d"):
        for one in ("", f"key={key.pk}", "model=claude-opus-5-5", "model=claude-*", "state=failed", "status=4xx",
                    "status=529", f"session={call.session_id}", "agent=agent-2",
                    f"key={key.pk}&status=429", "model=claude-fable-5-2&state=cancelled"):  # fmt: skip
            yield f"range={span}&{one}".rstrip("&")
    yield f"q={call.pk}"
    yield f"q={call.pk[:20]}"


def main() -> None:
    warnings.simplefilter("ignore")
    calls, tenants, keys, runs = map(int, sys.argv[1:])
    call_command("migrate", verbosity=0)
    if not UsageRecord.objects.exists():
        pages_fill.fill(calls, tenants, keys)
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")
    root, _ = User.objects.get_or_create(username="root", defaults={"is_superuser": True, "is_staff": True})
    client = Client(headers={"host": "127.0.0.1"})
    client.force_login(root, backend="django.contrib.auth.backends.ModelBackend")
    print("| page | queries | p50 ms | p95 ms | CPU ms | KB compressed |\n|---|---|---|---|---|---|")
    lists: list[float] = []
    for path in dict.fromkeys(paths()):
        found = visit(client, path, runs)
        if found is None:
            continue
        print(found.row(), flush=True)
        if "/requests/?" in path:
            lists += found.seconds
    lists.sort()
    print(f"\nFiltered lists of requests, {len(lists)} in all: p50 {lists[len(lists) // 2] * 1000:.0f} ms, ", end="")
    print(f"p95 {lists[int(len(lists) * 0.95)] * 1000:.0f} ms, the slowest {lists[-1] * 1000:.0f} ms.")


if __name__ == "__main__":
    main()
