"""The vectors of an index as one matrix in memory, brought up to date when the index moves on."""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from threading import Lock
from uuid import UUID

import numpy as np
import numpy.typing as npt
from django.conf import settings

from proxy.knowledge.models import Chunk, Entry, Index
from proxy.knowledge.passages import Vectors

Ids = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
_MEBIBYTE = 1024 * 1024
_ENTRIES_A_QUERY = 500


@dataclass(frozen=True)
class Held:
    """The passages of one version of an index. Row n of the matrix is the passage `ids[n]`; ids ascend."""

    version: int
    entries: Mapping[UUID, int]  # entry → its number in `owners`
    ids: Ids
    owners: Ids
    matrix: Vectors

    def mask(self, entries: frozenset[UUID] | None) -> Mask | None:
        """Which rows belong to these entries; None: all."""
        if entries is None:
            return None
        return np.isin(self.owners, [self.entries[entry] for entry in entries if entry in self.entries])

    def rows_of(self, scored: Sequence[tuple[int, float]]) -> tuple[Ids, Vectors]:
        """Rows and scores of the passages among (id, score) that are here."""
        ids = np.array([pk for pk, _score in scored], dtype=np.int64)
        scores = np.array([score for _pk, score in scored], dtype=np.float32)
        rows = np.searchsorted(self.ids, ids)
        rows[rows == len(self.ids)] = 0
        here = self.ids[rows] == ids if len(self.ids) else np.zeros(len(ids), dtype=bool)
        return rows[here], scores[here]

    def similarities(self, vector: Vectors | None) -> Vectors:
        """The cosine of each row with the vector."""
        if vector is None or not len(self.ids):
            return np.zeros(len(self.ids), dtype=np.float32)
        return np.asarray(self.matrix @ vector.astype(np.float32), dtype=np.float32)


class Matrices:
    """Those asked last, within the memory the deployment grants them."""

    def __init__(self) -> None:
        self._held: OrderedDict[int, Held] = OrderedDict()
        self._loading: dict[int, Lock] = {}
        self._lock = Lock()

    def of(self, index: Index) -> Held:
        """The index at its version or a later one."""
        with self._lock:
            held = self._held.get(index.pk)
            if held is not None:
                self._held.move_to_end(index.pk)
            loading = self._loading.setdefault(index.pk, Lock())
        if held is not None and held.version >= index.version:
            return held
        with loading:
            with self._lock:
                held = self._held.get(index.pk)
            if held is None or held.version < index.version:
                held = _load(index, held)
                self._keep(index.pk, held)
        return held

    def forget(self, number: int) -> None:
        """Drop what is held of an index."""
        with self._lock:
            self._held.pop(number, None)
            self._loading.pop(number, None)

    def _keep(self, number: int, held: Held) -> None:
        most = settings.CONFIG.vector_cache_mb * _MEBIBYTE
        with self._lock:
            self._held[number] = held
            self._held.move_to_end(number)
            while len(self._held) > 1 and sum(kept.matrix.nbytes for kept in self._held.values()) > most:
                self._held.popitem(last=False)


def _load(index: Index, before: Held | None) -> Held:
    """What the database has now, reading only what is new."""
    # The version first: what is committed after it is then seen too early at worst, and looked at again.
    version = Index.objects.values_list("version", flat=True).get(pk=index.pk)
    current = set(Entry.objects.filter(index=index).values_list("pk", flat=True))
    known = {entry: number for entry, number in before.entries.items() if entry in current} if before else {}
    fresh = sorted(current - known.keys(), key=str)
    first = max(before.entries.values(), default=-1) + 1 if before else 0
    entries = {**known, **{entry: first + place for place, entry in enumerate(fresh)}}
    ids, owners, matrix = _read(fresh, entries, index.dimensions)
    if before is not None and len(before.ids):
        keep = np.isin(before.owners, list(known.values()))
        all_kept = bool(keep.all())
        ids = np.concatenate([before.ids if all_kept else before.ids[keep], ids])
        owners = np.concatenate([before.owners if all_kept else before.owners[keep], owners])
        matrix = np.concatenate([before.matrix if all_kept else before.matrix[keep], matrix])
        if len(ids) and not np.all(ids[1:] > ids[:-1]):  # transactions may end in another order than they began
            order = np.argsort(ids)
            ids, owners, matrix = ids[order], owners[order], matrix[order]
    return Held(version, entries, ids, owners, matrix)


def _read(entries: Sequence[UUID], numbers: Mapping[UUID, int], dimensions: int) -> tuple[Ids, Ids, Vectors]:
    ids: list[int] = []
    owners: list[int] = []
    raw = bytearray()
    for start in range(0, len(entries), _ENTRIES_A_QUERY):
        rows = Chunk.objects.filter(entry__in=entries[start : start + _ENTRIES_A_QUERY])
        for pk, entry, vector in rows.order_by().values_list("pk", "entry_id", "vector").iterator(2000):
            ids.append(pk)
            owners.append(numbers[entry])
            raw += vector
    found = np.array(ids, dtype=np.int64)
    order = np.argsort(found)
    width = len(raw) // 2 // len(ids) if ids else dimensions
    matrix = np.frombuffer(bytes(raw), "<f2").reshape(len(ids), width)[order].astype(np.float32)
    return found[order], np.array(owners, dtype=np.int64)[order], matrix
