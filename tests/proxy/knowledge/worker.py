"""A worker for tests that kill it: `python -m tests.proxy.knowledge.worker JOB`, on its own data.

It claims for a second only, so that what a killed one held is soon free again. Where it keeps things is in its
environment, as for the product.
"""

import json
import os
import sys
import time
from datetime import timedelta
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "proxy.settings")
django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402
from django.db.models import Sum  # noqa: E402
from django.utils import timezone  # noqa: E402

from proxy import celery  # noqa: E402
from proxy.knowledge import documents, embedding, library, removal, stores  # noqa: E402
from proxy.knowledge.ingestion import queue, work  # noqa: E402
from proxy.knowledge.models import Chunk, Document, Entry, Index, Removal  # noqa: E402
from tenants import actions  # noqa: E402
from tenants.models import Collection, Tenant  # noqa: E402

SUBJECTS = ("otters", "ferries", "lanterns", "violins", "glaciers")
CANARY = "zyxwvut-canary-8461"
_CLAIM_SECONDS = 1.5
assert celery.app  # wakes the workers by the broker of the settings

if os.environ.get("TESTS_QUICK_MODEL", "1") == "1":
    embedding._BUILT_IN = "tests.proxy.knowledge.fakes.WordVectors"
# Killing is what is tested, not giving up.
queue.MOST_ATTEMPTS = queue.MOST_OF_STORE = 1000
queue.WAIT_SECONDS = (0.2, 0.2)


def migrate() -> None:
    call_command("migrate", verbosity=0)


def states() -> None:
    print(json.dumps(sorted(set(Document.objects.values_list("status", flat=True)))))


def load() -> None:
    """Two tenants with a collection each; the canary is in the texts of the first."""
    migrate()
    for slug, words in (("acme", CANARY), ("globex", "sparrow")):
        tenant = actions.create_tenant(actor="test", slug=slug, name=slug)
        collection = actions.add_collection(
            actor="test", tenant=tenant, name="handbook", chunk_tokens=40, chunk_overlap=0
        )
        for number, subject in enumerate(SUBJECTS):
            lines = (f"Paragraph {line} of document {number}, {words}, about {subject}." for line in range(60))
            documents.load(
                actor="test", collection=collection, name=f"{number}.txt", content=["\n\n".join(lines).encode()]
            )


def do_work() -> None:
    while Document.objects.exclude(status__in=Document.DONE).exists():
        queue.release_lost()
        claimed = queue.claim(seconds=_CLAIM_SECONDS)
        if claimed is None:
            time.sleep(0.1)
        else:
            work.ingest(claimed)
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("CHECKPOINT")  # what is looked for on the disk is on it


def check() -> None:
    """What came of it: nothing twice, nothing lost, nothing left over."""
    _sweep()
    report: dict[str, Any] = {
        "states": sorted(set(Document.objects.values_list("status", flat=True))),
        "entries": sorted(
            f"{name}/{document}"
            for name, document in Entry.objects.values_list("document__collection__tenant__slug", "document__name")
        ),
        "left over": _kept() - (Entry.objects.aggregate(sum=Sum("chunk_count"))["sum"] or 0),
        "sound": _soundness(),
    }
    for collection in Collection.objects.order_by("tenant__slug"):
        wish = library.Wish(top_k=1)
        [found] = library.search_blocking(collection.tenant_id, ["handbook"], f"{SUBJECTS[3]} sparrow", wish)
        report[f"found by {collection.tenant.slug}"] = found.document_name
        report[f"foreign to {collection.tenant.slug}"] = ("sparrow" in found.text) != (
            collection.tenant.slug == "globex"
        )
    print(json.dumps(report))


def delete() -> None:
    """Delete the first tenant, and do what the timetable would."""
    actions.delete_tenant(actor="test", tenant=Tenant.objects.get(slug="acme"))
    _sweep()
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("VACUUM FULL")  # what autovacuum and PostgreSQL's own reuse of space come to
            cursor.execute("CHECKPOINT")


def _sweep() -> None:
    Removal.objects.update(due_at=timezone.now() - timedelta(seconds=1))
    removal.sweep()
    assert not Removal.objects.exists()


def _kept() -> int:
    """How many passages the stores hold, whoever they are of."""
    kept = Chunk.objects.count()
    if Index.objects.filter(store=Index.Store.WEAVIATE).exists():
        store: Any = stores.named(Index.Store.WEAVIATE)
        for made in store._classes():
            for name in made.tenants.get():
                kept += made.with_tenant(name).aggregate.over_all(total_count=True).total_count
    return kept


def _soundness() -> str:
    if connection.vendor != "sqlite":
        return "ok"
    with connection.cursor() as cursor:
        for index in Index.objects.filter(store=Index.Store.EMBEDDED):
            table = f"knowledge_words_{index.pk}"
            cursor.execute(f"INSERT INTO {table}({table}) VALUES ('integrity-check')")
        cursor.execute("PRAGMA integrity_check")
        return str(cursor.fetchone()[0])


if __name__ == "__main__":
    jobs = {"migrate": migrate, "load": load, "work": do_work, "states": states, "check": check, "delete": delete}
    jobs[sys.argv[1]]()
