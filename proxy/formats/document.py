"""A JSON body that is checked, never re-shaped: its bytes are kept; an edit replaces leaves, adds blocks or marks."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from proxy.formats import splice
from proxy.formats.splice import Key, Leaf, Path

_MARK = splice.Member("cache_control", {"type": "ephemeral"})
_CONTAINERS = frozenset((dict, list))
_SPACE = b" \t\n\r"
MAX_VALUES = 1_000_000
"""Values in one document: far more than any conversation has, few enough to be read in a fraction of a second."""


class Malformed(ValueError):
    """Not one well-formed JSON object. The message is meant for whoever sent it."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"malformed JSON: {reason}")


class Document:
    """One JSON object: its exact bytes and what they say. Make one with `parse`; treat `value` as read-only."""

    __slots__ = ("_is_canonical", "raw", "value")

    def __init__(self, raw: bytes, value: dict[str, Any], *, is_canonical: bool) -> None:
        self.raw = raw
        self.value = value
        self._is_canonical = is_canonical  # orjson.dumps(value) == raw

    @classmethod
    def parse(cls, raw: bytes, *, max_depth: int = 64) -> "Document":
        """The checked document. Raises Malformed.

        No reader may understand the bytes differently: besides what is no JSON (invalid UTF-8, a byte order mark,
        NaN, lone surrogates, …), keys that occur twice in an object and numbers beyond a double are refused.
        """
        if len(raw) > MAX_VALUES:  # each value takes a byte at least
            _limit_values(raw)
        value = _load(raw)
        _limit_depth(value, max_depth)
        # What a writer gives back byte for byte has no key twice, and no number that was rounded.
        # Clients write compact JSON, so this is the common case and several times cheaper than the hook.
        is_canonical = _is_written_as(value, raw)
        if not is_canonical:
            value = _STRICT.decode(raw.decode())
        return cls(raw, value, is_canonical=is_canonical)

    def get(self, key: str, default: Any = None) -> Any:
        """The value of a top-level key."""
        return self.value.get(key, default)

    def edit(self, changes: Mapping[Path, Leaf]) -> "Document":
        """A document with these leaves replaced and every other byte as it was; itself where nothing changes.

        A path names a leaf from the top: ("messages", 3, "content", 0, "text"). A text replaces a text, a whole
        number a whole number. One that ends in a `Key` names a member's name; a new one that another member of the
        object has is made longer.
        Raises KeyError where a path leads nowhere, TypeError where it leads to something of another type
        or the new text is not encodable (a lone surrogate).
        """
        different = {path: leaf for path, leaf in changes.items() if _leaf(self.value, path, leaf) != leaf}
        return self._changed(different | _names(self.value, different))

    def append(self, blocks: Mapping[Path, Sequence[Mapping[str, Any]]]) -> "Document":
        """A document with these blocks at the end of contents, and every other byte as it was.

        A content is a list of blocks, or a text, which becomes the first block of a list.
        Raises KeyError where a path leads nowhere, TypeError where it leads to something else.
        """
        for path in blocks:
            if type(_at(self.value, path)) not in (str, list):
                raise TypeError(f"{path}: neither a text nor a list")
        return self._changed({path: splice.More(more) for path, more in blocks.items() if more})

    def add(self, name: str, value: Any) -> "Document":
        """A document with this member at its end, and every other byte as it was. Raises KeyError where it is there."""
        if name in self.value:
            raise KeyError(name)
        whole = {**self.value, name: value}
        if self._is_canonical:
            return Document(orjson.dumps(whole), whole, is_canonical=True)
        before = self.raw.rstrip(_SPACE)[:-1].rstrip(_SPACE)
        member = b"%b%b:%b}" % (b"," if self.value else b"", orjson.dumps(name), orjson.dumps(value))
        return Document(before + member, whole, is_canonical=False)

    def mark(self, paths: Sequence[Path]) -> "Document":
        """A document with `cache_control` in these blocks, tools, or texts that stand for a block.

        Raises KeyError where a path leads nowhere, TypeError where it leads to something else or to what has a mark.
        """
        for path in paths:
            block = _at(self.value, path)
            if type(block) not in (str, dict) or (type(block) is dict and _MARK.name in block):
                raise TypeError(f"{path}: neither a text nor a block without a mark")
        return self._changed(dict.fromkeys(paths, _MARK))

    def _changed(self, changes: Mapping[Path, splice.Change]) -> "Document":
        tree = splice.tree(changes)
        if not tree:
            return self
        value = _replaced(self.value, tree)
        raw = orjson.dumps(value) if self._is_canonical else splice.replace(self.raw.decode(), tree).encode()
        return Document(raw, value, is_canonical=self._is_canonical)

    def __repr__(self) -> str:
        return f"Document({len(self.raw)} bytes)"


def _limit_values(raw: bytes) -> None:
    """A few megabytes of `[],[],…` are quickly sent and cost seconds and hundreds of megabytes to hold."""
    if _openings(raw) > MAX_VALUES and _openings(_outside_strings(raw)) > MAX_VALUES:
        raise Malformed(f"more than {MAX_VALUES} values")


def _outside_strings(raw: bytes) -> bytes:
    # Also for text that is no JSON in linear time: a pattern would try each quote of a string that never ends.
    text = raw.replace(b"\\\\", b"").replace(b'\\"', b"")
    if text.count(b'"') > 4 * MAX_VALUES:  # two for each key, two for each value
        raise Malformed(f"more than {MAX_VALUES} values")
    return b"".join(text.split(b'"')[::2])


def _openings(raw: bytes) -> int:
    return raw.count(b"[") + raw.count(b"{") + raw.count(b",")


def _load(raw: bytes) -> dict[str, Any]:
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        reason = str(error)
    else:
        if type(value) is dict:
            return value
        reason = "the top level must be an object"
    raise Malformed(reason)


def _limit_depth(value: dict[str, Any], max_depth: int) -> None:
    level: list[Any] = [value]
    for _ in range(max_depth):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if type(outer) is dict else outer)
            if type(inner) in _CONTAINERS
        ]
        if not level:
            return
    raise Malformed(f"nested deeper than {max_depth} levels")


def _is_written_as(value: dict[str, Any], raw: bytes) -> bool:
    try:
        return orjson.dumps(value) == raw
    except orjson.JSONEncodeError:  # nested deeper than it writes
        return False


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise Malformed(f"the key {twice[:64]!r} occurs twice in an object")
    return members


_STRICT = json.JSONDecoder(object_pairs_hook=_unique)


def _at(value: Any, path: Path) -> Any:
    for step in path:
        is_there = step in value if type(value) is dict else type(value) is list and step in range(len(value))
        if not is_there:
            raise KeyError(path)
        value = value[step]
    return value


def _leaf(value: Any, path: Path, new: Leaf) -> Any:
    if path and type(path[-1]) is Key:
        _at(value, (*path[:-1], path[-1].name))
        value = path[-1].name
    else:
        value = _at(value, path)
    if type(value) is not type(new) or type(value) not in (str, int):
        raise TypeError(f"{path}: not a {'string' if type(new) is str else 'whole number'}")
    return value


def _names(value: Any, changes: Mapping[Path, Leaf]) -> dict[Path, Leaf]:
    """The new names of members, so that no two of an object are the same."""
    names: dict[Path, Leaf] = {}
    taken: dict[Path, set[str]] = {}
    for path, name in changes.items():
        if path and type(path[-1]) is Key:
            others = taken.setdefault(path[:-1], set(_at(value, path[:-1])))
            while name in others:
                name = f"{name}_"
            others.add(str(name))
            names[path] = name
    return names


def _replaced(value: Any, tree: splice.Tree) -> Any:
    copy = value.copy()
    names: dict[str, Any] = {}
    for step, change in tree.items():
        if type(step) is Key:
            names[step.name] = change
        elif isinstance(change, dict):
            copy[step] = _replaced(copy[step], change)
        else:
            copy[step] = change.behind(copy[step]) if isinstance(change, splice.More | splice.Member) else change
    return {names.get(name, name): inner for name, inner in copy.items()} if names else copy
