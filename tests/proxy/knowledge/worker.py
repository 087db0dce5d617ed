"""A worker for tests that kill it: `python -m tests.proxy.knowledge.worker load|work|check`, on its own data.

It claims for a second only, so that what a killed one held is soon free again.
"""

import asyncio
import json
import os
import sys
import time

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "proxy.settings")
django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402

from proxy.knowledge import documents, embedding, library, removal  # noqa: E402
from proxy.knowledge.ingestion import queue, work  # noqa: E402
from proxy.knowledge.models import Chunk, Document, Entry, Index  # noqa: E402
from tenants import actions  # noqa: E402
from tenants.models import Collection  # noqa: E402

DOCUMENTS = 8
_CLAIM_SECONDS = 1.5

embedding._BUILT_IN = "tests.proxy.knowledge.fakes.WordVectors"
queue.MOST_ATTEMPTS = 100  # killing is what is tested, not giving up


def load() -> None:
    call_command("migrate", verbosity=0)
    tenant = actions.create_tenant(actor="test", slug="acme", name="Acme")
    collection = actions.add_collection(actor="test", tenant=tenant, name="handbook", chunk_tokens=40, chunk_overlap=0)
    for number in range(DOCUMENTS):
        text = "\n\n".join(f"Paragraph {line} of document {number}, about subject {number}." for line in range(60))
        documents.load(actor="test", collection=collection, name=f"{number}.txt", content=[text.encode()])


def do_work() -> None:
    while Document.objects.exclude(status__in=Document.DONE).exists():
        queue.release_lost()
        claimed = queue.claim(seconds=_CLAIM_SECONDS)
        if claimed is None:
            time.sleep(0.1)
        else:
            work.ingest(claimed)


def check() -> None:
    removal.sweep()
    entries = list(Entry.objects.values_list("document__name", "chunk_count"))
    index = Index.objects.get()
    with connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO knowledge_words_{index.pk}(knowledge_words_{index.pk}) VALUES ('integrity-check')")
        cursor.execute("PRAGMA integrity_check")
        sound = cursor.fetchone()[0]
    collection = Collection.objects.get()
    found = asyncio.run(library.search(collection.tenant_id, ["handbook"], "subject 3", library.Wish(top_k=1)))
    report = {
        "states": sorted(set(Document.objects.values_list("status", flat=True))),
        "entries": sorted(name for name, _count in entries),
        "chunks": Chunk.objects.count() - sum(count for _name, count in entries),
        "sound": sound,
        "found": found[0].document_name,
    }
    print(json.dumps(report))


if __name__ == "__main__":
    {"load": load, "work": do_work, "check": check}[sys.argv[1]]()
