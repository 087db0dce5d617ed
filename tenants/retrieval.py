"""What the settings for passages in requests may hold. Each check raises ValidationError that names the field."""

from collections.abc import Callable, Collection, Mapping
from typing import Any

from django.core.exceptions import ValidationError

from tenants import checks

FORMS = ("search_result", "document", "text")
DEFAULTS: Mapping[str, Any] = {
    "collections": [],
    "top_k": 5,
    "min_score": 0.3,
    "as": "search_result",
    "max_tokens": 2000,
    "citations": True,
    "tool": False,
}
"""What requests go by where neither they nor the settings say anything. No collections: nothing is looked up."""
MOST_COLLECTIONS = 20
MOST_PASSAGES = 50
MOST_TOKENS = 100_000


def check_settings(value: Any) -> None:
    """`{collections, top_k, min_score, as, max_tokens, citations, tool}`, each of them optional."""
    checks.members(value, _NAMED, example="{collections: [handbook], top_k: 5}")


def check_names(value: Mapping[str, Any], known: Collection[str]) -> None:
    """The collections are among those that may be used."""
    for name in value.get("collections", ()):
        if name not in known:
            words = f"Known here: {', '.join(sorted(known))}." if known else "There is none yet."
            raise ValidationError(f"collections: there is no collection {name!r} to use. {words}")


def check_one(name: str, value: Any) -> None:
    """The value of one setting."""
    _FIELDS[name](value)


def effective(tenant: Mapping[str, Any], key: Mapping[str, Any]) -> dict[str, Any]:
    """Every setting: the key's, else the tenant's, else the default."""
    return {**DEFAULTS, **tenant, **key}


def _names(value: Any) -> None:
    is_list = isinstance(value, list) and len(value) <= MOST_COLLECTIONS
    if not is_list or not all(isinstance(name, str) and name for name in value) or len(set(value)) != len(value):
        raise ValidationError(f"give a list of at most {MOST_COLLECTIONS} names of collections, each once.")


_FIELDS: Mapping[str, Callable[[Any], None]] = {
    "collections": _names,
    "top_k": checks.whole(1, MOST_PASSAGES),
    "min_score": checks.number(0, 1),
    "as": checks.one_of(FORMS),
    "max_tokens": checks.whole(1, MOST_TOKENS),
    "citations": checks.switch,
    "tool": checks.switch,
}
_NAMED = {name: checks.named(check) for name, check in _FIELDS.items()}
