"""The Messages API's request: which documented fields must be there and of which type. Everything else passes."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from proxy.formats.document import Document


class InvalidField(ValueError):
    """A documented field is missing or of another type; worded as Anthropic does."""

    def __init__(self, path: str, message: str) -> None:
        super().__init__(f"{path}: {message}")
        self.path = path
        self.message = message

    def inside(self, *steps: str | int) -> "InvalidField":
        """The same, seen from what it was found in. Paths are built only where something is wrong."""
        path = ".".join(str(step) for step in (*steps, self.path) if step != "")
        return InvalidField(path, self.message)


Check: TypeAlias = Callable[[Any], None]
"""Raises InvalidField for a value; its path begins inside the value."""


def check(document: Document, *, endpoint: str) -> None:
    """Refuse a body that cannot be a request to the endpoint ("messages" or "count_tokens"). Raises InvalidField."""
    body = document.value
    for name in _REQUIRED[endpoint]:
        if name not in body:
            raise InvalidField(name, "Field required")
    for name, value in body.items():
        known = _FIELDS.get(name)
        if known is None:
            _limit_spelling(name)
        elif value is not None or name in _NEVER_NULL:
            _within(name, known, value)


def _limit_spelling(name: str) -> None:
    # Some readers of JSON match names whatever their case, and would take this for the field that was checked.
    if name.casefold() in _FIELDS:
        raise InvalidField(name[:64], f"Extra inputs are not permitted; did you mean {name.casefold()!r}?")


def _within(step: str, known: Check, value: Any) -> None:
    try:
        known(value)
    except InvalidField as error:
        raise error.inside(step) from None


def _of(kind: str, *types: type) -> Check:
    def check_type(value: Any) -> None:
        if type(value) not in types:  # exactly: true is no integer
            raise InvalidField("", f"Input should be a valid {kind}")

    return check_type


def _list_of(check_item: Check) -> Check:
    def check_items(value: Any) -> None:
        _list(value)
        for position, item in enumerate(value):
            try:
                check_item(item)
            except InvalidField as error:
                raise error.inside(position) from None

    return check_items


def _text_or(check_other: Check) -> Check:
    def check_either(value: Any) -> None:
        if type(value) is not str:
            check_other(value)

    return check_either


def _model(value: Any) -> None:
    _text(value)
    if not value:
        raise InvalidField("", "String should have at least 1 character")


def _max_tokens(value: Any) -> None:
    _integer(value)
    if value < 0:
        raise InvalidField("", "Input should be greater than or equal to 0")


def _messages(value: Any) -> None:
    _list_of_messages(value)
    if not value:
        raise InvalidField("", "at least one message is required")


def _message(message: Any) -> None:
    _object(message)
    if type(message.get("role")) is not str:
        raise _wrong(message, "role", "string")
    content = message.get("content")
    if type(content) is list:
        _within("content", _blocks, content)
    elif type(content) is not str:
        raise _wrong(message, "content", "string or list")


def _block(block: Any) -> None:
    _object(block)
    kind = block.get("type")
    if type(kind) is not str:
        raise _wrong(block, "type", "string")
    for name, wanted in _BLOCK_FIELDS.get(kind, ()):
        if type(block.get(name)) is not wanted:
            raise _wrong(block, name, "string" if wanted is str else "dictionary").inside(kind)


def _wrong(outer: Mapping[str, Any], name: str, kind: str) -> InvalidField:
    return InvalidField(name, f"Input should be a valid {kind}" if name in outer else "Field required")


_text = _of("string", str)
_object = _of("dictionary", dict)
_list = _of("list", list)
_number = _of("number", int, float)
_integer = _of("integer", int)
_boolean = _of("boolean", bool)
_objects = _list_of(_object)
_blocks = _list_of(_block)
_list_of_messages = _list_of(_message)

_REQUIRED: Mapping[str, Sequence[str]] = {
    "messages": ("model", "messages", "max_tokens"),
    "count_tokens": ("model", "messages"),
}
_NEVER_NULL = frozenset(("model", "messages", "max_tokens"))
_FIELDS: Mapping[str, Check] = {
    "model": _model,
    "messages": _messages,
    "max_tokens": _max_tokens,
    "system": _text_or(_objects),
    "stream": _boolean,
    "tools": _objects,
    "tool_choice": _object,
    "metadata": _object,
    "thinking": _object,
    "output_config": _object,
    "context_management": _object,
    "cache_control": _object,
    "diagnostics": _object,
    "thread": _object,
    "mcp_servers": _objects,
    "stop_sequences": _list_of(_text),
    "temperature": _number,
    "top_p": _number,
    "top_k": _integer,
    "service_tier": _text,
    "speed": _text,
    "inference_geo": _text,
    "container": _text_or(_object),
}
_BLOCK_FIELDS: Mapping[str, Sequence[tuple[str, type]]] = {
    "text": (("text", str),),
    "tool_use": (("id", str), ("name", str), ("input", dict)),
    "tool_result": (("tool_use_id", str),),
}
