"""What a policy may hold. Each check raises ValidationError that names the rule and the field."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from django.core.exceptions import ValidationError

from matching import spelling
from matching.needles import LONGEST, BadPattern, Keyword, Needle, Needles, Pattern, compiled
from tenants import checks, detectors, entities, validators
from tenants.checks import Check

MODES = ("enforce", "monitor")
PLACES = ("request", "tools", "tool_results", "response", "tool_use")
ACTIONS = ("block", "redact", "flag", "allow", "route")
SEVERITIES = ("info", "low", "medium", "high", "critical")
ATTACHMENTS = ("image", "document", "file")
ENDINGS = ("error", "end_turn")
_MOST_RULES = 300
_MOST_WORDS = 500
_MOST_CHARS = 1000
_MOST_LONGEST = 2000
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_TOOL_KINDS = ("tool_names", "tool_input")


def check_policy(value: Any) -> None:
    """`{mode, rules: [{name, on, match, action, …}]}`."""
    _known(value, ("mode", "rules"), "")
    if "mode" in value:
        _within("mode", checks.one_of(MODES), value["mode"])
    rules = value.get("rules", [])
    if not isinstance(rules, Sequence) or isinstance(rules, str) or len(rules) > _MOST_RULES:
        raise ValidationError(f"rules: give a list of at most {_MOST_RULES} rules.")
    names: set[str] = set()
    for place, rule in enumerate(rules):
        name = rule.get("name") if isinstance(rule, Mapping) else None
        where = f"rules[{place}]" if not isinstance(name, str) else f"rules[{place}] ({name[:64]})"
        _within(where, check_rule, rule)
        if name in names:
            raise ValidationError(f"{where}: name: another rule has it already.")
        names.add(str(name))


def check_rule(rule: Any) -> None:
    """One rule, its fields, how they go together, and its own examples."""
    _known(rule, _FIELDS, "")
    for name in ("name", "on", "match", "action"):
        if name not in rule:
            raise ValidationError(f"{name}: it is required.")
    for name, value in rule.items():
        _within(name, _FIELDS[name], value)
    _check_together(rule)
    _check_examples(rule)


def _check_together(rule: Mapping[str, Any]) -> None:
    places, match, action = set(rule["on"]), rule["match"], rule["action"]
    if action == "route" and "model" not in rule:
        raise ValidationError("model: name the model that calls are routed to.")
    if action in ("route", "allow") and places & {"response"}:
        raise ValidationError(f"action: {action} is decided before there is an answer; leave response out of on.")
    if "pii" in match and (action not in ("block", "flag") or not {"request"} <= places <= {"request", "tool_results"}):
        raise ValidationError("match.pii: it blocks or flags requests: on: [request]. The data itself is for privacy.")
    if action == "redact" and (places & {"tools", "tool_use"} or not set(match) & {"keywords", "regex"}):
        raise ValidationError("action: only texts that keywords or a regex find can be redacted, and not in tools.")
    if set(match) & set(_TOOL_KINDS) and not places <= {"tools", "tool_use"}:
        raise ValidationError("match: tool_names and tool_input fit rules on tools and tool_use only.")
    if "response" in places and not set(match) & {"keywords", "regex", "detector"}:
        raise ValidationError("match: a rule on response needs keywords, a regex or a detector.")
    detectors.check_together(places, match, action)


def _check_examples(rule: Mapping[str, Any]) -> None:
    examples = rule.get("examples", {})
    if not examples:
        return
    needles = needles_of(rule["match"])
    if not needles:
        raise ValidationError("examples: they prove keywords and regexes; this rule has neither.")
    for text in examples.get("match", ()):
        if not finds(needles, text):
            raise ValidationError(f"examples.match: {text[:100]!r} does not match.")
    for text in examples.get("miss", ()):
        if finds(needles, text):
            raise ValidationError(f"examples.miss: {text[:100]!r} matches.")


def needles_of(match: Mapping[str, Any]) -> list[Needle]:
    """The words and patterns of a rule."""
    needles: list[Needle] = [Keyword(word) for word in match.get("keywords", ())]
    if "regex" in match:
        needles.append(Pattern(match["regex"], match.get("longest", LONGEST)))
    return needles


def finds(needles: Sequence[Needle], text: str) -> bool:
    """Whether one of them is in the text."""
    seen, together = spelling.clean(text), Needles(needles)
    return any(next(together.spans(place, seen), None) is not None for place in together.present(seen))


def spans(needles: Sequence[Needle], text: str) -> list[tuple[int, int]]:
    """Where they are in the text, in characters of it as it came."""
    seen, together = spelling.clean(text), Needles(needles)
    places = spelling.offsets(text)
    found = [span for place in together.present(seen) for span in together.spans(place, seen)]
    return [(places[start], places[end - 1] + 1) for start, end in sorted(found)]


def _known(value: Any, fields: Mapping[str, Any] | Sequence[str], where: str) -> None:
    if not isinstance(value, Mapping):
        raise ValidationError(f"{where}give an object.")
    for name in value:
        if name not in fields:
            raise ValidationError(f"{where}{str(name)[:100]!r} is unknown. Known here: {', '.join(fields)}.")


def _within(where: str, check: Check, value: Any) -> None:
    try:
        check(value)
    except ValidationError as wrong:
        raise ValidationError([f"{where}: {message}" for message in wrong.messages]) from None


def _some_of(choices: Sequence[str]) -> Check:
    def check(value: Any) -> None:
        _texts(value)
        for one in value:
            if one not in choices:
                raise ValidationError(f"{one[:100]!r} is unknown. Known here: {', '.join(choices)}.")

    return check


def _text(value: Any) -> None:
    if not isinstance(value, str) or not value.strip() or len(value) > _MOST_CHARS:
        raise ValidationError(f"give a text of 1 to {_MOST_CHARS} characters.")


def _texts(value: Any) -> None:
    if not isinstance(value, Sequence) or isinstance(value, str) or not 0 < len(value) <= _MOST_WORDS:
        raise ValidationError(f"give a list of 1 to {_MOST_WORDS} texts.")
    for one in value:
        _text(one)


def _keywords(value: Any) -> None:
    _texts(value)
    for word in value:
        if not spelling.fold(spelling.clean(word)).strip():
            raise ValidationError(f"{word!r} has no letter that could be found.")


def _regex(value: Any) -> None:
    _text(value)
    try:
        compiled(value)
    except BadPattern as wrong:
        raise ValidationError(str(wrong)) from None


def _name(value: Any) -> None:
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        raise ValidationError("lower-case letters, digits and hyphens, at most 63.")


def _tool_input(value: Any) -> None:
    if not isinstance(value, Mapping) or not value:
        raise ValidationError("give an object of field and regex, e.g. {command: 'rm -rf'}.")
    for path, regex in value.items():
        _text(path)
        _within(path[:100], _regex, regex)


def _metadata(value: Any) -> None:
    validators.check_metadata(value)


def _fields(fields: Mapping[str, Check]) -> Check:
    def check(value: Any) -> None:
        _known(value, fields, "")
        if not value:
            raise ValidationError(f"give at least one of {', '.join(fields)}.")
        for name, inner in value.items():
            _within(name, fields[name], inner)

    return check


_MATCH: Mapping[str, Check] = {
    "keywords": _keywords,
    "regex": _regex,
    "longest": checks.whole(1, _MOST_LONGEST),
    "tool_names": _texts,
    "tool_input": _tool_input,
    "models": validators.check_globs,
    "max_tokens_over": checks.whole(0, 10**9),
    "attachments": _some_of(ATTACHMENTS),
    "pii": _some_of((*entities.TYPES, entities.DENIED)),
    "detector": checks.one_of(detectors.NAMES),
    **detectors.FIELDS,
}
_FIELDS: Mapping[str, Check] = {
    "name": _name,
    "on": _some_of(PLACES),
    "match": _fields(_MATCH),
    "action": checks.one_of(ACTIONS),
    "mode": checks.one_of(MODES),
    "model": _text,
    "message": _text,
    "severity": checks.one_of(SEVERITIES),
    "notes": _text,
    "ending": checks.one_of(ENDINGS),
    "when": _fields({"metadata": _metadata, "untrusted": checks.switch}),
    "examples": _fields({"match": _texts, "miss": _texts}),
}
