"""What of a question is kept beside its answer to know like questions by, and the likest of several."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from proxy.answers.likeness import guard, reading

Vector = npt.NDArray[np.float32]
MOST_READ = 16
"""Of those that are like enough, the likest: reading one takes about half a millisecond."""
_STORED = np.float16
_DIMENSIONS_BYTES = 2


@dataclass(frozen=True)
class Likeness:
    """The last text of a question, without anybody's values, and its vector of length 1."""

    text: str = field(repr=False)
    vector: Vector = field(repr=False)

    def written(self) -> bytes:
        """As bytes, to be sealed."""
        count = len(self.vector).to_bytes(_DIMENSIONS_BYTES, "big")
        return count + self.vector.astype(_STORED).tobytes() + self.text.encode("utf-8", "surrogatepass")


@dataclass(frozen=True, slots=True)
class Nearest:
    """The place of the likest in the order given, its cosine, and in what it differs all the same ("": in nothing)."""

    place: int
    score: float
    difference: str = ""


def read(raw: bytes) -> Likeness:
    """What `written` made."""
    end = _DIMENSIONS_BYTES + int.from_bytes(raw[:_DIMENSIONS_BYTES], "big") * np.dtype(_STORED).itemsize
    vector = np.frombuffer(raw[_DIMENSIONS_BYTES:end], dtype=_STORED).astype(np.float32)
    return Likeness(raw[end:].decode("utf-8", "surrogatepass"), vector)


def nearest(asked: Likeness, known: Sequence[Likeness], threshold: float) -> Nearest | None:
    """The likest that asks the same; else the likest that does not, and why. None: nothing reaches the threshold."""
    scores = [float(one.vector @ asked.vector) if len(one.vector) == len(asked.vector) else -1.0 for one in known]
    ours, first = reading.read(asked.text), None
    for place in sorted(range(len(known)), key=lambda place: -scores[place])[:MOST_READ]:
        if scores[place] < threshold:
            break
        found = Nearest(place, scores[place], guard.difference(ours, reading.read(known[place].text)))
        if not found.difference:
            return found
        first = first or found
    return first
