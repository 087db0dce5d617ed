"""Whether a rule fits a tool, as it is offered or as the model calls it."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import orjson

from matching import spelling
from matching.needles import Needle, Needles
from proxy.formats import texts
from proxy.rules.rule import Rule


def input_of(written: str, otherwise: Any) -> Any:
    """What a stream's pieces of a tool's input say. What is no JSON is one text: nothing of it goes unread."""
    if not written:
        return otherwise
    try:
        return orjson.loads(written)
    except orjson.JSONDecodeError:
        return {"": written}


def fits(rule: Rule, block: Mapping[str, Any]) -> bool:
    """Whether a call of a tool is what the rule is about: its name, its input's fields, its words."""
    if rule.tool_names is not None and not _is_named(rule, block.get("name")):
        return False
    strings = [(_dotted(path), text) for path, text in texts.strings(block.get("input"), ())]
    for wanted in rule.tool_input:
        if not any(wanted.path.match(where) and occurs(wanted.needles, text) for where, text in strings):
            return False
    return not rule.needles or any(occurs(rule.needles, text) for _where, text in strings)


def offered(rule: Rule, tool: Any) -> bool:
    """Whether a tool that the request offers is what the rule is about."""
    if not isinstance(tool, dict) or (rule.tool_names is not None and not _is_named(rule, tool.get("name"))):
        return False
    described = texts.of_request({"tools": [tool]}).leaves
    return not rule.needles or any(occurs(rule.needles, leaf.text) for leaf in described)


def occurs(needles: Sequence[Needle], text: str) -> bool:
    """Whether one of them is in the text."""
    seen = spelling.clean(text)
    compiled = _compiled(tuple(needles))
    return any(next(compiled.spans(place, seen), None) is not None for place in compiled.present(seen))


@lru_cache(maxsize=1024)
def _compiled(needles: tuple[Needle, ...]) -> Needles:
    return Needles(needles)


def _is_named(rule: Rule, name: Any) -> bool:
    return rule.tool_names is not None and isinstance(name, str) and rule.tool_names.match(name.casefold())


def _dotted(path: tuple[Any, ...]) -> str:
    return ".".join(str(step) for step in path)
