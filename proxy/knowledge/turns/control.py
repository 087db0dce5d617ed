"""What a client says of passages, in the header `x-llmp-rag`.

off                                    none for this request
handbook,policies                      of these collections
handbook,top_k=3,min_score=0.4         … and other settings: top_k, min_score, as, max_tokens, citations, tool
handbook,tool=on                       … in which the model searches by itself
top_k=3                                of the collections that the settings name
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from django.core.exceptions import ValidationError

from proxy.call import Passages, Wanted
from tenants import retrieval

HEADER = "x-llmp-rag"
_OFF = "off"
_TRUTHS = {"true": True, "on": True, "1": True, "false": False, "off": False, "0": False}


class BadControl(ValueError):
    """The header says something that cannot be followed. The message is for whoever sent it."""


def wanted(header: str, passages: Passages | None) -> Wanted | None:
    """What a request is given by its header ('': none was sent) and the settings; None: nothing. Raises BadControl.

    A collection of somebody else, one that the key may not use and one that is not there are all one error.
    """
    if not header:  # nearly every request
        return passages.default if passages and passages.default.collections else None
    parts = [part.strip() for part in header.split(",")] if header.strip() else []
    if parts == [_OFF]:
        return None
    names, options = _read(parts)
    known: Mapping[str, bool] = passages.collections if passages else {}
    for name in names:
        if name not in known:
            raise BadControl(f"there is no collection {name[:64]!r} that this key may use.")
    asked = replace(passages.default if passages else Wanted(), **options)
    if names:
        asked = replace(asked, collections=tuple(names))
    if parts and not asked.collections:
        raise BadControl("name a collection, as in handbook,top_k=3: the settings name none.")
    return asked if asked.collections else None


def _read(parts: list[str]) -> tuple[list[str], dict[str, Any]]:
    names: list[str] = []
    options: dict[str, Any] = {}
    for part in parts:
        name, equals, value = (piece.strip() for piece in part.partition("="))
        if not name or name == _OFF:
            raise BadControl("give off alone, or names of collections and settings, as in handbook,top_k=3.")
        if (_field(name) if equals else name) in (options if equals else names):
            raise BadControl(f"{name[:64]!r} is given twice.")
        if equals:
            options[_field(name)] = _value(name, value)
        else:
            names.append(name)
    if len(names) > retrieval.MOST_COLLECTIONS:
        raise BadControl(f"at most {retrieval.MOST_COLLECTIONS} collections.")
    return names, options


def _field(name: str) -> str:
    return "form" if name == "as" else name


def _value(name: str, text: str) -> Any:
    read = _READERS.get(name)
    if read is None:
        raise BadControl(f"{name[:64]!r} is unknown. Known here: {', '.join(_READERS)}.")
    try:
        value = read(text)
    except (ValueError, KeyError):
        value = None  # which no setting accepts
    try:
        retrieval.check_one(name, value)
    except ValidationError as wrong:
        raise BadControl(f"{name}: {wrong.messages[0]}") from None
    return value


_READERS: Mapping[str, Callable[[str], Any]] = {
    "top_k": int,
    "min_score": float,
    "as": str,
    "max_tokens": int,
    "citations": lambda text: _TRUTHS[text.lower()],
    "tool": lambda text: _TRUTHS[text.lower()],
}
