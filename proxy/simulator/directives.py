"""Lines like `#simulate tokens=200 delay_ms=10` in a user's text: what the simulator is asked to do.

Values are bare words, or JSON where they start with `{`, `[` or `"`. Several lines add up; a name's last value wins.
"""

import json
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

import orjson

from proxy.simulator.failures import Failure

MARK = "#simulate"
_LINE = re.compile(r"^[ \t]*#simulate(?:[ \t]+(.*?))?[ \t]*\r?(?:\n|\Z)", re.MULTILINE)
_NAME = re.compile(r"\s*([A-Za-z_][A-Za-z0-9_]*)(=?)")
_WORD = re.compile(r"\S*")
_STOP_REASONS = (
    "end_turn",
    "max_tokens",
    "stop_sequence",
    "tool_use",
    "pause_turn",
    "refusal",
    "model_context_window_exceeded",
)
_MAX_TOKENS = 200_000
_MAX_MS = 3_600_000


class BadDirective(Failure):
    """A `#simulate` line that cannot be followed."""

    def __init__(self, why: str) -> None:
        super().__init__(400, f"{MARK}: {why}")


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One tool to call; without `input` the smallest one its schema allows."""

    name: str
    input: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Directives:
    """Everything a `#simulate` line can ask for; the defaults ask for nothing."""

    tokens: int | None = None
    text: str | None = None
    echo: bool = False
    first_ms: float = 0
    delay_ms: float = 0
    ping_every: int = 0
    thinking: int = 0
    redacted: bool = False
    cite: bool = False
    tool: str | None = None
    input: Mapping[str, Any] | None = None
    tools: Sequence[ToolCall] = ()
    stop_reason: str | None = None
    cache: str = "write"
    error: int | None = None
    error_type: str = ""
    message: str = ""
    retry_after: float | None = None
    should_retry: bool | None = None
    after: int | None = None
    cut: int | None = None
    script: Sequence["Directives"] = ()

    def step(self, answered: int) -> "Directives":
        """What to do after so many answers in this turn; a script that is over asks for nothing more."""
        if not self.script:
            return self
        return self.script[answered] if answered < len(self.script) else NOTHING

    @property
    def tool_calls(self) -> Sequence[ToolCall]:
        """The tools to call, in order."""
        return (ToolCall(self.tool, self.input), *self.tools) if self.tool else self.tools


NOTHING = Directives()


def parse(text: str) -> tuple[Directives, str]:
    """The directives of all `#simulate` lines, and the text without those lines. Raises BadDirective."""
    if MARK not in text:
        return NOTHING, text
    lines = [match.group(1) or "" for match in _LINE.finditer(text)]
    if not lines:
        return NOTHING, text
    pairs = [pair for line in lines for pair in _pairs(line)]
    return _directives(pairs), _LINE.sub("", text)


def _pairs(line: str) -> Iterator[tuple[str, Any]]:
    at = 0
    while line[at:].strip():
        match = _NAME.match(line, at)
        if match is None:
            raise BadDirective(f"expected name=value at {line[at:].strip()[:40]!r}. {_known()}")
        name, equals = match.groups()
        value: Any = True
        at = match.end()
        if equals:
            value, at = _value(name, line, at)
        if at < len(line) and not line[at].isspace():
            raise BadDirective(f"{name} is followed by {line[at:][:40]!r}: put a space between directives")
        yield name, value


def _value(name: str, line: str, at: int) -> tuple[Any, int]:
    if line[at : at + 1] not in ("{", "[", '"'):
        word = _WORD.match(line, at)
        return (word.group(), word.end()) if word else ("", at)
    try:
        value, end = _DECODER.raw_decode(line, at)
        orjson.dumps(value)  # what cannot be sent is refused here, where its name is known
    except (ValueError, TypeError, RecursionError) as broken:
        raise BadDirective(f"{name} is not valid JSON ({broken}); the value must stay on one line") from None
    return value, end


def _refuse_constant(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


_DECODER = json.JSONDecoder(parse_constant=_refuse_constant)


def _directives(pairs: Iterable[tuple[str, Any]]) -> Directives:
    values = _values(pairs)
    steps = values.pop("script", ())
    return Directives(**values, script=tuple(Directives(**{**values, **step}) for step in steps))


def _values(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, value in pairs:
        reader = KNOWN.get(name)
        if reader is None:
            raise BadDirective(f"unknown directive {name!r}. {_known()}")
        values[name] = reader(name, value)
    return values


def _known() -> str:
    return "Known ones: " + ", ".join(KNOWN) + "."


Reader = Callable[[str, Any], Any]


def _number(low: float, high: float) -> Reader:
    def read(name: str, value: Any) -> float:
        try:
            number = math.nan if isinstance(value, bool) else float(value)
        except (TypeError, ValueError, OverflowError):
            number = math.nan
        if not low <= number <= high:
            raise BadDirective(f"{name} must be a number from {low:g} to {high:g}")
        return number

    return read


def _whole(low: int, high: int, bare: int | None = None) -> Reader:
    number = _number(low, high)

    def read(name: str, value: Any) -> int:
        if value is True and bare is not None:
            return bare
        result = number(name, value)
        if result != int(result):
            raise BadDirective(f"{name} must be a whole number")
        return int(result)

    return read


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise BadDirective(f'{name} must be a text: {name}=word or {name}="several words"')
    return value


def _flag(name: str, value: Any) -> bool:
    if value in (True, "true", "1"):
        return True
    if value in (False, "false", "0"):
        return False
    raise BadDirective(f"{name} is on when named; only {name}=false turns it off")


def _one_of(*choices: str) -> Reader:
    def read(name: str, value: Any) -> str:
        if value not in choices:
            raise BadDirective(f"{name} must be one of {', '.join(choices)}")
        return str(value)

    return read


def _object(name: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise BadDirective(f"{name} must be a JSON object, such as {name}={{}}")
    return value


def _tool_calls(name: str, value: Any) -> tuple[ToolCall, ...]:
    form = f'{name} must be a JSON list such as [{{"name": "Bash", "input": {{}}}}]'
    if not isinstance(value, list):
        raise BadDirective(form)
    calls = []
    for item in value:
        if not isinstance(item, dict) or not isinstance(item.get("name"), str) or item.keys() - {"name", "input"}:
            raise BadDirective(form)
        calls.append(ToolCall(item["name"], _object("input", item["input"]) if "input" in item else None))
    return tuple(calls)


def _script(name: str, value: Any) -> list[dict[str, Any]]:
    if not isinstance(value, list) or not value or not all(isinstance(step, dict) for step in value):
        raise BadDirective(f'{name} must be a JSON list of steps such as [{{"tool": "Bash"}}, {{"text": "Done."}}]')
    if any("script" in step for step in value):
        raise BadDirective("a step of a script cannot hold a script")
    return [_values(step.items()) for step in value]


KNOWN: dict[str, Reader] = {
    "tokens": _whole(0, _MAX_TOKENS),
    "text": _text,
    "echo": _flag,
    "first_ms": _number(0, _MAX_MS),
    "delay_ms": _number(0, _MAX_MS),
    "ping_every": _whole(0, _MAX_TOKENS),
    "thinking": _whole(0, _MAX_TOKENS, bare=24),
    "redacted": _flag,
    "cite": _flag,
    "tool": _text,
    "input": _object,
    "tools": _tool_calls,
    "stop_reason": _one_of(*_STOP_REASONS),
    "cache": _one_of("write", "read"),
    "error": _whole(400, 599),
    "error_type": _text,
    "message": _text,
    "retry_after": _number(0, _MAX_MS),
    "should_retry": _flag,
    "after": _whole(0, _MAX_TOKENS),
    "cut": _whole(0, _MAX_TOKENS),
    "script": _script,
}
"""Each directive's name with the function that checks and converts its value."""
