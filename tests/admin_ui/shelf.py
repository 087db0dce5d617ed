"""Documents that are read already, for pages that show them: no model is asked."""

import numpy as np
from django.utils import timezone

from proxy.knowledge import documents, indexes, stores
from proxy.knowledge.documents import Facts
from proxy.knowledge.models import Document, Entry, Index
from proxy.knowledge.passages import Piece
from tenants.models import Collection

_DIMENSIONS = 4


def shelve(
    collection: Collection, name: str, *texts: str, heading: str = "Leave", tags: tuple[str, ...] = ()
) -> Document:
    """An indexed document with these passages, each on a page of its own; those that begin with Ignore are suspect."""
    content = "\n\n".join(texts).encode() + name.encode()
    facts = Facts(tags=list(tags) or None)
    document = documents.load(actor="x", collection=collection, name=name, content=[content], facts=facts).document
    index = indexes.newest(collection)
    Index.objects.filter(pk=index.pk).update(dimensions=_DIMENSIONS)
    entry = Entry.objects.create(
        index=index,
        document=document,
        revision=1,
        pages=len(texts),
        characters=len(content),
        chunk_count=len(texts),
        suspicious_count=sum(text.startswith("Ignore") for text in texts),
    )
    vector = np.full(_DIMENSIONS, 0.5, dtype=np.float32)
    pieces = [Piece(at, text, heading, at + 1, vector, text.startswith("Ignore")) for at, text in enumerate(texts)]
    stores.of(index).add(index, entry.pk, pieces)
    done = {"status": Document.Status.INDEXED, "progress": 100, "indexed_at": timezone.now()}
    Document.objects.filter(pk=document.pk).update(**done)
    document.refresh_from_db()
    return document
