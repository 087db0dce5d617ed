"""The tokenizer of the built-in embedding model, which also measures passages for every other model.

The file is the tokenizer of sentence-transformers/all-MiniLM-L6-v2 (Apache-2.0), byte for byte.
"""

import hashlib
from functools import cache
from pathlib import Path

from tokenizers import Tokenizer

_FILE = Path(__file__).with_name("minilm_tokenizer.json")
_SHA256 = "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"


class Altered(Exception):
    """A file that came with the product is not what it was."""


def check(path: Path, sha256: str) -> None:
    """Raise Altered unless the file has this hash."""
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != sha256:
        raise Altered(f"{path.name} has the hash {found}, not {sha256}: install it again.")


@cache
def tokenizer() -> Tokenizer:
    """As the model was trained with, without its truncation and padding."""
    check(_FILE, _SHA256)
    made = Tokenizer.from_file(str(_FILE))
    made.no_truncation()
    made.no_padding()
    return made
