"""How well the right section is found: `make eval-rag`.

    python -m benchmarks.rag.evaluate [--tokens 240] [--overlap 32] [--sample 500] [--distractors 500]

The corpus goes through the product's own cutting, embedding, store and search, in a database made for it. Vectors
are kept in `.benchmarks`, as they take minutes.
"""

import argparse
import hashlib
import math
import os
import random
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import django
import numpy as np

from benchmarks.rag import corpus

RESULTS = Path(__file__).resolve().parents[2] / ".benchmarks"
_TOP = 10
_BOOTSTRAPS = 1000
Figures = tuple[float, float]
Modes = dict[str, dict[str, Any]]
MODES: Modes = {
    "BM25": {"mode": "words"},
    "vectors": {"mode": "vectors"},
    "hybrid, alpha 0.5": {"alpha": 0.5},
    "hybrid, alpha 0.7": {"alpha": 0.7},
    "hybrid, alpha 0.9": {"alpha": 0.9},
    "hybrid, by the question": {},
    "the same, ranked again by the built-in model": {"rerank": True},
}


def main() -> None:
    """Load, ask, print a table."""
    arguments = _arguments()
    with tempfile.TemporaryDirectory(prefix="llmp-eval-") as folder:
        os.environ |= {"LLMP_DATA_DIR": folder, "DJANGO_SETTINGS_MODULE": "proxy.settings"}
        for name in ("DATABASE_URL", "WEAVIATE_URL", "REDIS_URL"):
            os.environ.pop(name, None)
        django.setup()
        found = corpus.load(arguments.sample, arguments.distractors)
        collection = _filled(found, arguments.tokens, arguments.overlap)
        print(f"\n{arguments.tokens} tokens a passage, {arguments.overlap} of overlap\n")
        print("| | index entries nDCG@10 | recall@10 | FAQ questions nDCG@10 | recall@10 |\n|---|---|---|---|---|")
        for name, wish in MODES.items():
            cells = [cell for asked in (found.terms, found.questions) for cell in _cells(collection, asked, wish)]
            print(f"| {name} | {' | '.join(cells)} |", flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="How well the right section is found.")
    parser.add_argument("--tokens", type=int, default=240)
    parser.add_argument("--overlap", type=int, default=32)
    parser.add_argument("--sample", type=int, default=500, help="Index entries that are asked for.")
    parser.add_argument("--distractors", type=int, help="Sections nobody asks for. Default: all there are.")
    return parser.parse_args()


def _filled(found: corpus.Corpus, tokens: int, overlap: int) -> Any:
    """A collection that holds the corpus."""
    from django.core.management import call_command  # noqa: PLC0415 - Django is set up by now
    from django.utils import timezone  # noqa: PLC0415

    from proxy.knowledge import indexes, stores  # noqa: PLC0415
    from proxy.knowledge.ingestion import work  # noqa: PLC0415
    from proxy.knowledge.models import Document, Entry, Index  # noqa: PLC0415
    from proxy.knowledge.parsing import Cut, chunking  # noqa: PLC0415
    from proxy.knowledge.parsing.sections import Section  # noqa: PLC0415
    from proxy.knowledge.passages import Piece  # noqa: PLC0415
    from tenants import actions  # noqa: PLC0415

    call_command("migrate", verbosity=0)
    tenant = actions.create_tenant(actor="eval", slug="eval", name="Eval")
    collection = actions.add_collection(
        actor="eval", tenant=tenant, name="python", chunk_tokens=tokens, chunk_overlap=overlap, reranking="default"
    )
    index = indexes.newest(collection)
    cut = Cut(tokens, overlap)
    made = [
        (section, list(chunking.chunks([Section(section.text, _heading(section))], "text", cut)))
        for section in found.sections.values()
    ]
    made = [(section, chunks) for section, chunks in made if chunks]
    vectors = _vectors([work.context("", chunk) for _section, chunks in made for chunk in chunks])
    place = 0
    for section, chunks in made:
        row = Document.objects.create(
            tenant_id=tenant.pk, collection=collection, name=section.name, queued_at=timezone.now(), status="indexed"
        )
        entry = Entry.objects.create(
            index=index,
            document=row,
            revision=1,
            characters=len(section.text),
            chunk_count=len(chunks),
        )
        pieces = [
            Piece(number, chunk.text, chunk.heading, None, vectors[place + number])
            for number, chunk in enumerate(chunks)
        ]
        stores.of(index).add(index, entry.pk, pieces)
        place += len(chunks)
    Index.objects.filter(pk=index.pk).update(dimensions=384, version=2)
    print(f"{len(made)} sections, {place} passages", file=sys.stderr)
    return collection


def _heading(section: corpus.Section) -> str:
    return " › ".join(filter(None, (*section.path, section.title)))


def _vectors(texts: Sequence[str]) -> "np.ndarray[Any, np.dtype[np.float32]]":
    """Of all texts; those of the same texts are kept from run to run."""
    from proxy.knowledge.embedding import minilm  # noqa: PLC0415 - as above

    name = hashlib.sha256("\0".join(texts).encode()).hexdigest()[:16]
    path = RESULTS / f"rag-vectors-{name}.npy"
    if path.exists():
        return np.asarray(np.load(path))
    found = np.zeros((len(texts), 384), dtype=np.float32)
    step = 256
    for start in range(0, len(texts), step):
        found[start : start + step] = minilm.embed(texts[start : start + step])
        print(f"\rembedding {min(start + step, len(texts))} of {len(texts)}", end="", file=sys.stderr)
    RESULTS.mkdir(exist_ok=True)
    np.save(path, found)
    return found


def _cells(collection: Any, asked: Sequence[corpus.Asked], wish: dict[str, Any]) -> list[str]:
    ranks = [_rank(collection, question, wish) for question in asked]
    gains = [1 / math.log2(rank + 1) if rank else 0.0 for rank in ranks]
    return [_with_interval(gains), _with_interval([float(rank > 0) for rank in ranks])]


def _rank(collection: Any, asked: corpus.Asked, wish: dict[str, Any]) -> int:
    """Where the right section is among the first ten, from 1; 0: not there."""
    from proxy.knowledge import library  # noqa: PLC0415 - as above

    passages = library.search_blocking(
        collection.tenant_id,
        ["python"],
        asked.question,
        library.Wish(**{"top_k": 50, "min_score": -1, "rerank": False, **wish}),
    )
    names = list(dict.fromkeys(passage.document_name for passage in passages))[:_TOP]
    return names.index(asked.answer) + 1 if asked.answer in names else 0


def _with_interval(values: Sequence[float]) -> str:
    """The mean, and between what it lies in 95 of 100 samples like this one."""
    dice = random.Random(1)
    means = sorted(_mean(dice.choices(values, k=len(values))) for _ in range(_BOOTSTRAPS))
    return f"{_mean(values):.3f} ({means[25]:.2f}–{means[974]:.2f})"


def _mean(values: Sequence[float]) -> float:
    return sum(values) / max(1, len(values))


if __name__ == "__main__":
    main()
