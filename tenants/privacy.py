"""What the privacy settings of tenants and keys may hold. Each check raises ValidationError that names the field."""

import re
from collections.abc import Callable, Mapping
from typing import Any

import re2
from django.core.exceptions import ValidationError

from tenants import checks, entities

MODES = ("off", "monitor", "redact", "pseudonymize", "block")
SWITCHES: Mapping[str, tuple[str, ...]] = {
    "unknown_blocks": ("pass", "scan", "block"),
    "attachments": ("pass", "refuse"),
    "on_failure": ("closed", "open"),
}
_MAX_TERMS = 2_000
_MAX_CHARS = 200
_MAX_OWN = 50
_MAX_EXAMPLES = 20
_MAX_EXAMPLE_CHARS = 1_000
_MAX_REGEX_CHARS = 1_000
_NAME = re.compile(r"[A-Z][A-Z0-9_]{1,30}[A-Z0-9]")
_EXAMPLE = "{mode: monitor}"
_SHARE = checks.number(0, 1)
_mode = checks.named(checks.one_of(MODES))
_OWN_FIELDS = ("name", "regex", "score", "context", "matches", "misses")


def check_settings(value: Any) -> None:
    """A tenant's: {mode, entities, min_score, languages, allow, deny, custom, output, …}."""
    checks.members(value, _TENANT, example=_EXAMPLE)
    check_names(value, own_names(value))


def check_overrides(value: Any) -> None:
    """A key's: {mode, entities, output}. Which names there are depends on its tenant: `check_names`."""
    checks.members(value, _KEY, example=_EXAMPLE)


def own_names(settings: Mapping[str, Any]) -> set[str]:
    """The entity types that a tenant's own recognisers add."""
    return {own["name"] for own in settings.get("custom", [])}


def check_names(value: Mapping[str, Any], own: set[str]) -> None:
    """Modes are set for types that exist."""
    known = {*entities.TYPES, *entities.SPELLINGS, entities.DENIED, *own}
    for where, modes in (("entities", value), ("output.entities", value.get("output", {}))):
        for name in modes.get("entities", {}):
            if name not in known:
                raise ValidationError(
                    f"{where}: {name[:_MAX_CHARS]!r} is unknown. Known here: {', '.join(sorted(known))}."
                )


def finds(regex: str, text: str) -> bool:
    """Whether a recogniser's regex occurs in the text."""
    return _compiled(regex).search(text) is not None


def check_regex(regex: Any) -> None:
    """A pattern in RE2's syntax, which takes linear time whatever it is given."""
    if not isinstance(regex, str) or not regex.strip() or len(regex) > _MAX_REGEX_CHARS:
        raise ValidationError(f"regex: give a text of 1 to {_MAX_REGEX_CHARS} characters.")
    if _compiled(regex).search("") is not None:
        raise ValidationError("regex: it matches the empty text, so it would match everywhere.")


def _compiled(regex: str) -> Any:
    options = re2.Options()
    options.log_errors = False
    options.dot_nl = True
    try:
        return re2.compile(regex, options)
    except re2.error as wrong:
        said = wrong.args[0] if wrong.args else ""
        words = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
        raise ValidationError(
            f"regex: {words}. Patterns are in RE2's syntax: what cannot run in linear time, such as look-around and "
            "back-references, is not available. To leave out the neighbours of what is wanted, put it into a group (…)."
        ) from None


def _output(name: str, value: Any) -> None:
    checks.members(value, {"mode": _mode, "entities": _modes}, example=_EXAMPLE, where=name)


def _modes(name: str, value: Any) -> None:
    if not isinstance(value, Mapping):
        raise ValidationError(f"{name}: give an object, e.g. {{PERSON: pseudonymize}}.")
    for entity_type, mode in value.items():
        if not isinstance(entity_type, str):
            raise ValidationError(f"{name}: names must be texts.")
        _mode(f"{name}.{entity_type[:_MAX_CHARS]}", mode)


def _texts(most: int, most_chars: int = _MAX_CHARS) -> Callable[[str, Any], None]:
    def check(name: str, value: Any) -> None:
        if not isinstance(value, list) or len(value) > most:
            raise ValidationError(f"{name}: give a list of up to {most} texts.")
        for text in value:
            if not isinstance(text, str) or not text.strip() or len(text) > most_chars:
                raise ValidationError(f"{name}: each is a text of 1 to {most_chars} characters.")

    return check


def _languages(name: str, value: Any) -> None:
    _texts(_MAX_OWN)(name, value)
    known = ", ".join(f"{code} ({word})" for code, word in entities.LANGUAGES.items())
    if not value:
        raise ValidationError(f"{name}: give a list of codes such as [en, de], or leave it out for all: {known}.")
    for code in value:
        if code not in entities.LANGUAGES:
            raise ValidationError(f"{name}: {code[:_MAX_CHARS]!r} is unknown, and would do nothing. Known: {known}.")


def _custom(name: str, value: Any) -> None:
    if not isinstance(value, list) or len(value) > _MAX_OWN:
        raise ValidationError(f"{name}: give a list of up to {_MAX_OWN} recognisers.")
    seen: set[str] = set()
    for place, own in enumerate(value):
        where = f"{name}[{place}]"
        try:
            _check_own(own)
        except ValidationError as wrong:
            raise ValidationError(f"{where}.{wrong.messages[0]}") from None
        if own["name"] in seen:
            raise ValidationError(f"{where}.name: {own['name']!r} is there already.")
        seen.add(own["name"])


def _check_own(own: Any) -> None:
    if not isinstance(own, Mapping) or own.keys() - set(_OWN_FIELDS) or not {"name", "regex"} <= own.keys():
        raise ValidationError(f"name: a recogniser has a name and a regex, and may have {', '.join(_OWN_FIELDS[2:])}.")
    if not isinstance(own["name"], str) or not _NAME.fullmatch(own["name"]):
        raise ValidationError("name: give 3 to 32 capitals, digits and _, beginning with a letter: EMPLOYEE_ID.")
    if own["name"] in {*entities.TYPES, *entities.SPELLINGS, entities.DENIED}:
        raise ValidationError(f"name: {own['name']} is a type that there is already.")
    check_regex(own["regex"])
    checks.named(_SHARE)("score", own.get("score", 1))
    _texts(_MAX_TERMS)("context", own.get("context", []))
    _check_examples("matches", own, "does not match this example, but should", is_match=True)
    _check_examples("misses", own, "matches this example, but should not", is_match=False)


def _check_examples(field: str, own: Mapping[str, Any], words: str, *, is_match: bool) -> None:
    examples = own.get(field, [])
    _texts(_MAX_EXAMPLES, _MAX_EXAMPLE_CHARS)(field, examples)
    for number, example in enumerate(examples):
        if finds(own["regex"], example) != is_match:
            raise ValidationError(f"{field}[{number}]: the regex {words}: {example!r}")


_KEY: Mapping[str, checks.NamedCheck] = {"mode": _mode, "entities": _modes, "output": _output}
_TENANT: Mapping[str, checks.NamedCheck] = {
    **_KEY,
    "min_score": checks.named(_SHARE),
    "languages": _languages,
    "allow": _texts(_MAX_TERMS),
    "deny": _texts(_MAX_TERMS),
    "custom": _custom,
    **{name: checks.named(checks.one_of(choices)) for name, choices in SWITCHES.items()},
    "restore_secrets": checks.named(checks.switch),
}
