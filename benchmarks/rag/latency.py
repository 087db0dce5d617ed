"""What a search adds to a request, by the size of the collection.

    python -m benchmarks.rag.latency [--passages 10000 100000] [--questions 200] [--store embedded]

Texts are sentences of the Python documentation, vectors are random: exact search costs the same for any. The
question's own vector is made by the real model, and is counted apart.
"""

import argparse
import os
import resource
import statistics
import tempfile
import time
from collections.abc import Sequence
from typing import Any

import django
import numpy as np

from benchmarks.rag import corpus

_PASSAGES_OF_A_DOCUMENT = 50


def main() -> None:
    """Fill, ask, print a table."""
    arguments = _arguments()
    with tempfile.TemporaryDirectory(prefix="llmp-bench-") as folder:
        os.environ |= {"LLMP_DATA_DIR": folder, "DJANGO_SETTINGS_MODULE": "proxy.settings"}
        if arguments.store == "embedded":
            os.environ.pop("WEAVIATE_URL", None)
        django.setup()
        from django.core.management import call_command  # noqa: PLC0415 - Django is set up by now

        call_command("migrate", verbosity=0)
        found = corpus.load(arguments.questions, None)
        texts = [section.text[:900] for section in found.sections.values()]
        asked = [one.question for one in found.terms]
        print("| passages | filling, s | first search, ms | p50, ms | p99, ms | of it CPU, ms | memory, MiB |")
        print("|---|---|---|---|---|---|---|")
        for count in arguments.passages:
            print(_row(count, texts, asked), flush=True)
        print(f"\nThe question's vector: p50 {_embedding(asked):.1f} ms.")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="What a search adds to a request.")
    parser.add_argument("--passages", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--questions", type=int, default=200)
    parser.add_argument("--store", choices=("embedded", "weaviate"), default="embedded")
    return parser.parse_args()


def _row(count: int, texts: Sequence[str], asked: Sequence[str]) -> str:
    from proxy.knowledge import library, stores  # noqa: PLC0415 - as above
    from proxy.knowledge.library import Wish  # noqa: PLC0415
    from proxy.knowledge.questions import Asked  # noqa: PLC0415

    started = time.perf_counter()
    index = _filled(count, texts)
    filling = time.perf_counter() - started
    dice = np.random.default_rng(1)
    times, computing = [], []
    for question in asked:
        vector = _normal(dice.standard_normal((1, 384)))[0]
        started, used = time.perf_counter(), time.process_time()
        plan = library._Plan.of(question, Wish(min_score=-1), None)
        library._find([index], {index.pk: Asked(question, vector)}, plan)
        times.append(1000 * (time.perf_counter() - started))
        computing.append(1000 * (time.process_time() - used))
    first, rest = times[0], sorted(times[1:])
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    stores.close()
    p50, p99, cpu = statistics.median(rest), rest[int(len(rest) * 0.99)], statistics.median(computing[1:])
    return f"| {count:,} | {filling:.0f} | {first:.0f} | {p50:.1f} | {p99:.1f} | {cpu:.1f} | {memory:.0f} |"


def _filled(count: int, texts: Sequence[str]) -> Any:
    from django.db import transaction  # noqa: PLC0415 - as above
    from django.utils import timezone  # noqa: PLC0415

    from proxy.knowledge import indexes, stores  # noqa: PLC0415
    from proxy.knowledge.models import Document, Entry, Index  # noqa: PLC0415
    from proxy.knowledge.passages import Piece  # noqa: PLC0415
    from tenants import actions  # noqa: PLC0415

    tenant = actions.create_tenant(actor="bench", slug=f"bench-{count}", name="Bench")
    collection = actions.add_collection(actor="bench", tenant=tenant, name="python")
    index = indexes.newest(collection)
    Index.objects.filter(pk=index.pk).update(dimensions=384)
    dice = np.random.default_rng(count)
    for start in range(0, count, _PASSAGES_OF_A_DOCUMENT):
        vectors = _normal(dice.standard_normal((_PASSAGES_OF_A_DOCUMENT, 384)))
        pieces = [
            Piece(number, texts[(start + number) % len(texts)], "", None, vectors[number])
            for number in range(_PASSAGES_OF_A_DOCUMENT)
        ]
        with transaction.atomic():
            row = Document.objects.create(
                tenant_id=tenant.pk, collection=collection, name=f"{start}.txt", queued_at=timezone.now()
            )
            entry = Entry.objects.create(
                index=index, document=row, revision=1, characters=900 * len(pieces), chunk_count=len(pieces)
            )
            stores.of(index).add(index, entry.pk, pieces)
    return Index.objects.select_related("collection").get(pk=index.pk)


def _normal(vectors: Any) -> Any:
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def _embedding(asked: Sequence[str]) -> float:
    """Milliseconds of the median."""
    from proxy.knowledge.embedding import minilm  # noqa: PLC0415 - as above

    minilm.embed(asked[:1])
    times = []
    for question in asked:
        started = time.perf_counter()
        minilm.embed([question])
        times.append(1000 * (time.perf_counter() - started))
    return statistics.median(times)


if __name__ == "__main__":
    main()
