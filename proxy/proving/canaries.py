"""What is sent to prove a rule: a request, or an answer for the simulator to give, that the rule has to fit."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from proxy.proving import detected, planting
from proxy.proving.sampling import sample
from proxy.rules.rule import Place, Rule
from tenants import policies

MODEL = "claude-sonnet-5-5"
_PICTURE = {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}
_PDF = {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0xLjQK"}
_ATTACHED = {"image": {"type": "image", "source": _PICTURE}, "document": {"type": "document", "source": _PDF}}


class CannotProve(Exception):
    """No canary can be made. The message says what is missing."""


@dataclass(frozen=True, slots=True)
class Canary:
    """What goes through to prove a rule in one place. `hidden` is what an enforced rule keeps from passing."""

    place: Place
    body: Mapping[str, Any]
    text: str = "It is sunny."
    echoes: bool = False  # the answer says what the upstream was asked
    tool: Mapping[str, Any] | None = None  # {name, input}: called by the answer
    hidden: Sequence[str] = ()
    entity_type: str = ""  # of the personal data in it


def of(written: Mapping[str, Any], rule: Rule) -> Iterator[Canary]:
    """One for each place where the rule looks, or for each type of personal data it asks for. Raises CannotProve."""
    if rule.pii:
        for entity_type in sorted(rule.pii):
            yield _with_value(entity_type, written, rule)
        return
    for place in policies.PLACES:
        if place in written["on"]:
            yield _in(Place(place), written, rule)


def _in(place: Place, written: Mapping[str, Any], rule: Rule) -> Canary:
    match = written["match"]
    if place is Place.TOOL_USE:
        name = _tool(match)
        called = {"name": name, "input": {"canary": _detected(rule)} if rule.weighs else _input(match)}
        return Canary(place, _body(rule, match, "Hello."), tool=called, hidden=[name])
    if place is Place.TOOLS:
        tool = {"name": _tool(match), "input_schema": {"type": "object"}}
        if rule.needles or rule.weighs:
            tool["description"] = _text(written, rule)
        return Canary(place, {**_body(rule, match, "Hello."), "tools": [tool]})
    if not (rule.reads_text or rule.asked):
        return Canary(place, _body(rule, match, "Hello."))
    text = _detected(rule) if rule.asked else _embedded(_text(written, rule), rule)
    if place is Place.RESPONSE:
        hidden = [text] if rule.weighs else _parts(written, text)
        return Canary(place, _body(rule, match, "Hello."), text=text, hidden=hidden)
    if place is Place.TOOL_RESULTS:
        return Canary(place, _body(rule, match, "Hello.", result=text), hidden=_parts(written, text))
    return Canary(place, _body(rule, match, text), hidden=_parts(written, text))


def _with_value(entity_type: str, written: Mapping[str, Any], rule: Rule) -> Canary:
    """Personal data is looked for in requests, whatever else the rule asks of them."""
    words = _text(written, rule) if rule.reads_text else "Hello."
    body = _body(rule, written["match"], f"{words} {planting.value_of(entity_type)}")
    return Canary(Place.REQUEST, body, entity_type=entity_type)


def _text(written: Mapping[str, Any], rule: Rule) -> str:
    """Something that the rule's words and detector fit."""
    match = written["match"]
    needles = policies.needles_of(match)
    if rule.weighs and not needles:
        return _detected(rule)
    made = [*written.get("examples", {}).get("match", ()), *match.get("keywords", ()), sample(match.get("regex", ""))]
    found = next((text for text in made if text and policies.finds(needles, text)), None)
    if found is None:
        raise CannotProve("Give it an example that must match: none can be made from its pattern.")
    return f"{found} {_detected(rule)}" if rule.detector else str(found)


def _detected(rule: Rule) -> str:
    text = detected.text_for(rule)
    if not text:
        raise CannotProve("There is no canary that its detector fits: its threshold is high, or its languages rare.")
    return text


def _embedded(text: str, rule: Rule) -> str:
    """With words around, so that a stream goes on behind it; bare where the pattern is bound to an end."""
    longer = f"It was said: {text} and nothing else."
    return longer if not rule.needles or policies.finds(rule.needles, longer) else text


def _parts(written: Mapping[str, Any], text: str) -> list[str]:
    return [text[start:end] for start, end in policies.spans(policies.needles_of(written["match"]), text)]


def _body(rule: Rule, match: Mapping[str, Any], said: str, *, result: str = "") -> dict[str, Any]:
    content: list[dict[str, Any]] = [{"type": "text", "text": said}]
    for kind in match.get("attachments", ())[:1]:
        if kind not in _ATTACHED:
            raise CannotProve("There is no canary for files that live elsewhere.")
        content.append(_ATTACHED[kind])
    results = [text for text in (result, detected.INJECTION if rule.after_untrusted else "") if text]
    history = [part for number, text in enumerate(results) for part in _tool_turn(f"toolu_{number}", text)]
    return {
        "model": match["models"][0].replace("*", "x") if "models" in match else MODEL,
        "max_tokens": match.get("max_tokens_over", 4095) + 1,
        "messages": [*history, {"role": "user", "content": content}],
    }


def _tool_turn(tool_id: str, text: str) -> list[dict[str, Any]]:
    used = {"type": "tool_use", "id": tool_id, "name": "read", "input": {}}
    given = {"type": "tool_result", "tool_use_id": tool_id, "content": text}
    return [
        {"role": "user", "content": "Read it."},
        {"role": "assistant", "content": [used]},
        {"role": "user", "content": [given]},
    ]


def _tool(match: Mapping[str, Any]) -> str:
    return str(match.get("tool_names", ["canary"])[0]).replace("*", "") or "canary"


def _input(match: Mapping[str, Any]) -> dict[str, Any]:
    given: dict[str, Any] = {}
    for path, regex in match.get("tool_input", {}).items():
        made = sample(regex)
        if made is None or not policies.finds(policies.needles_of({"regex": regex}), made):
            raise CannotProve(f"No canary can be made from the pattern of its input {path}.")
        _put(given, path.replace("*", "0").split("."), made)
    words = [*match.get("keywords", ()), sample(match.get("regex", ""))]
    if "keywords" in match or "regex" in match:
        given["canary"] = next(word for word in words if word)
    return given


def _put(into: dict[str, Any], path: Sequence[str], text: str) -> None:
    for step in path[:-1]:
        into = into.setdefault(step, {})
    into[path[-1]] = text
