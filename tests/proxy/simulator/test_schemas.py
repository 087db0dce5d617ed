from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.simulator.schemas import smallest

KEYWORDS = (
    "type",
    "properties",
    "required",
    "items",
    "minItems",
    "anyOf",
    "allOf",
    "$ref",
    "enum",
    "minimum",
    "format",
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-99, 99) | st.text(max_size=5) | st.sampled_from(["object", "array", "#"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYWORDS), inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "string"}, "simulated"),
        ({"type": "string", "minLength": 12}, "simulated..."),
        ({"type": "string", "maxLength": 3}, "sim"),
        ({"type": "string", "format": "date"}, "2026-01-01"),
        ({"type": "integer", "minimum": 3}, 3),
        ({"type": "integer", "exclusiveMinimum": 3}, 4),
        ({"type": "integer", "exclusiveMinimum": 0}, 1),
        ({"type": "integer", "minimum": 3, "multipleOf": 5}, 5),
        ({"type": "integer", "maximum": -3}, -3),
        ({"type": "number", "exclusiveMaximum": 0}, -1),
        ({"type": "integer", "minimum": -5, "maximum": 5}, 0),
        ({"type": "boolean"}, False),
        ({"type": ["null", "string"]}, "simulated"),
        ({"type": "null"}, None),
        ({"const": 7}, 7),
        ({"const": {"a": 2**70}}, None),
        ({"enum": ["b", "a"]}, "b"),
        ({"type": "string", "default": "x"}, "x"),
        ({"type": "array", "items": {"type": "integer"}}, []),
        ({"type": "array", "items": {"type": "integer"}, "minItems": 2}, [0, 0]),
        ({"anyOf": [{"type": "null"}, {"type": "integer"}]}, 0),
        ({"properties": {"a": {"type": "integer"}, "b": {}}, "required": ["a"]}, {"a": 0}),
        (
            {"allOf": [{"properties": {"a": {"const": 1}}, "required": ["a"]}, {"required": ["b"]}]},
            {"a": 1, "b": "simulated"},
        ),
        ({"$defs": {"x": {"const": 5}}, "properties": {"a": {"$ref": "#/$defs/x"}}, "required": ["a"]}, {"a": 5}),
    ],
)
def test_the_smallest_value_is_valid(schema: dict[str, Any], value: Any) -> None:
    assert smallest(schema) == value


def test_schemas_without_end_give_a_value_of_bounded_size() -> None:
    names = [str(n) for n in range(50)]
    growing = {"required": names, "properties": {name: {"$ref": "#"} for name in names}}
    nested: dict[str, Any] = {"type": "integer"}
    for _ in range(10):
        nested = {"type": "array", "minItems": 1_000_000, "items": nested}
    assert len(orjson.dumps(smallest(growing))) < 100_000
    assert len(orjson.dumps(smallest(nested))) < 100_000


@given(JSON)
def test_any_schema_gives_a_value_that_can_be_sent(schema: Any) -> None:
    orjson.dumps(smallest(schema))
