"""The smallest value that a JSON Schema allows, for tool inputs and structured answers."""

import math
from collections.abc import Mapping
from typing import Any

import orjson

_MAX_DEPTH = 12
_MAX_VALUES = 1000
_WORD = "simulated"
_FORMATS = {
    "date": "2026-01-01",
    "time": "00:00:00Z",
    "date-time": "2026-01-01T00:00:00Z",
    "email": "someone@example.com",
    "uri": "https://example.com/",
    "uuid": "00000000-0000-4000-8000-000000000000",
    "ipv4": "192.0.2.1",
    "hostname": "example.com",
}


def smallest(schema: Any) -> Any:
    """A value valid for the usual keywords; `pattern` and `not` are beyond it."""
    return _Builder(schema).value(schema, 0)


class _Builder:
    """Builds one value; what a hostile schema would let grow without end becomes null."""

    def __init__(self, root: Any) -> None:
        self.root = root
        self.left = _MAX_VALUES

    def value(self, schema: Any, depth: int) -> Any:
        self.left -= 1
        if not isinstance(schema, dict) or depth > _MAX_DEPTH or self.left < 0:
            return None
        schema = self._resolved(schema)
        given = [schema[name] for name in ("const", "default") if name in schema] or _list(schema.get("enum"))
        if given:
            return _sendable(given[0])
        return self._typed(schema, depth)

    def _typed(self, schema: Mapping[str, Any], depth: int) -> Any:
        kind = schema.get("type", _implied(schema))
        if isinstance(kind, list):
            kind = next((name for name in kind if name != "null"), "null")
        match kind:
            case "object":
                properties = _mapping(schema.get("properties"))
                names = [name for name in _list(schema.get("required")) if isinstance(name, str)]
                return {name: self.value(properties.get(name, {}), depth + 1) for name in names[:_MAX_VALUES]}
            case "array":
                return [self.value(schema.get("items", {}), depth + 1) for _ in range(_count(schema.get("minItems")))]
            case "string":
                return _string(schema)
            case "integer" | "number":
                return _number(schema, whole=kind == "integer")
            case "boolean":
                return False
            case _:
                return None

    def _resolved(self, schema: dict[str, Any]) -> dict[str, Any]:
        """The schema with its $ref, allOf and first alternative folded in."""
        for _ in range(_MAX_DEPTH):
            if isinstance(schema.get("$ref"), str):
                schema = {**self._pointed(schema["$ref"]), **_without(schema, "$ref")}
            elif isinstance(schema.get("allOf"), list):
                schema = _merged(schema)
            elif choice := _alternative(schema):
                schema = {**_without(schema, "anyOf", "oneOf"), **choice}
            else:
                break
        return schema

    def _pointed(self, reference: str) -> dict[str, Any]:
        node = self.root
        for part in filter(None, reference.removeprefix("#").split("/")):
            node = node.get(part.replace("~1", "/").replace("~0", "~")) if isinstance(node, dict) else None
        return _mapping(node)


def _sendable(value: Any) -> Any:
    """A value of the schema's own, unless it holds what an answer cannot: whole numbers beyond 64 bits."""
    try:
        orjson.dumps(value)
    except orjson.JSONEncodeError:
        return None
    return value


def _merged(schema: dict[str, Any]) -> dict[str, Any]:
    merged = _without(schema, "allOf")
    for part in schema["allOf"]:
        properties = {**_mapping(merged.get("properties")), **_mapping(_mapping(part).get("properties"))}
        required = [*_list(merged.get("required")), *_list(_mapping(part).get("required"))]
        merged = {**merged, **_mapping(part)}
        if properties or required:
            merged |= {"properties": properties, "required": required}
    return merged


def _alternative(schema: dict[str, Any]) -> dict[str, Any] | None:
    choices = [choice for choice in _list(schema.get("anyOf")) or _list(schema.get("oneOf")) if _mapping(choice)]
    return next((choice for choice in choices if choice.get("type") != "null"), choices[0] if choices else None)


def _implied(schema: Mapping[str, Any]) -> str:
    if "properties" in schema or "required" in schema:
        return "object"
    return "array" if "items" in schema else "string"


def _string(schema: Mapping[str, Any]) -> str:
    form = schema.get("format")
    if isinstance(form, str) and form in _FORMATS:
        return _FORMATS[form]
    text = _WORD.ljust(_count(schema.get("minLength")), ".")
    longest = schema.get("maxLength")
    return text[: max(longest, 0)] if isinstance(longest, int) else text


def _number(schema: Mapping[str, Any], *, whole: bool) -> float | int:
    """Zero where it is allowed, else the nearest multiple within the bounds."""
    step = _bound(schema, "multipleOf") or 1
    above, below = _bound(schema, "exclusiveMinimum"), _bound(schema, "exclusiveMaximum")
    low, high = _bound(schema, "minimum"), _bound(schema, "maximum")
    value: float = 0
    if low is not None and low > 0:
        value = math.ceil(low / step) * step
    if above is not None and above >= value:
        value = (math.floor(above / step) + 1) * step
    if high is not None and high < 0:
        value = math.floor(high / step) * step
    if below is not None and below <= value:
        value = (math.ceil(below / step) - 1) * step
    return int(value) if whole else value


def _bound(schema: Mapping[str, Any], name: str) -> float | None:
    value = schema.get(name)
    return value if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e15 else None


def _count(value: Any) -> int:
    return min(value, _MAX_VALUES) if isinstance(value, int) and value > 0 else 0


def _without(schema: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {key: value for key, value in schema.items() if key not in names}


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
