"""An embedding model for tests: texts with words in common are near, and it can be told to fail."""

import hashlib
import re
from collections.abc import Sequence

import numpy as np

from proxy.knowledge.embedding import EmbeddingDown
from proxy.knowledge.passages import Vectors


class WordVectors:
    """Each word has a direction of its own."""

    model = "words"
    dimensions = 64
    is_down = False
    asked = 0

    async def embed(self, texts: Sequence[str]) -> Vectors:
        if type(self).is_down:
            raise EmbeddingDown("The model rests.")
        type(self).asked += len(texts)
        found = np.zeros((len(texts), self.dimensions), dtype=np.float32)
        for row, text in enumerate(texts):
            for word in re.findall(r"\w+", text.lower()):
                seed = int.from_bytes(hashlib.sha256(word.encode()).digest()[:4], "big")
                found[row] += np.random.default_rng(seed).standard_normal(self.dimensions)
        return np.asarray(found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-9), dtype=np.float32)
