"""What a rule may ask of its detector, and how that goes together. Each check raises ValidationError with the field."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.core.exceptions import ValidationError

from tenants import checks
from tenants.checks import Check

ASKED = {"secrets": 0.5, "language": 0.9, "topic": 0.4, "http": 0.8}
"""Detectors that are asked off the event loop, with the score from which they fit where nothing is said."""
NAMES = ("prompt_injection", "jailbreak", *ASKED)
THRESHOLD = 0.8
"""That of the others."""
SECONDS = 5.0
"""How long a detector may take where nothing is said."""
FAILURES = ("closed", "open")
_CODES = (
    "ace af am an ar ary arz as az ba bcl be bg bn br bs ca crh cs cy da de dz el en eo es et "
    "eu ext fa fi fo fr fuv fy ga gcf gcr gd gl gom grc gu gug guw ha hbo he hi hr ht hu hy id ig "
    "is it ja jv ka kab kik kk km kn ko ku ky la lb lg lij ln lo lt ltg lv mg mk ml mn mr ms "
    "mt my ne nl nn no nso oc om or pa pcm pl ps pt qu ro ru rw sa sdh se si sk sl sn so sq "
    "sr st sv sw ta te tg th tk tl tr tt ug uk ur uz uzs vec vi vo wa wuu xh yo yue zh zu "
)
LANGUAGES = frozenset(_CODES.split())
"""ISO 639 codes of the languages that can be told apart."""
_MOST_TOPICS = 50
_MOST_CHARS = 500


def check_together(places: set[str], match: Mapping[str, Any], action: str) -> None:
    """Whether a rule can be asked what it says, where it says."""
    name = match.get("detector", "")
    for field, owners in _OWNERS.items():
        if field in match and name not in owners:
            raise ValidationError(f"match.{field}: it belongs to the detector {', '.join(owners)}.")
    for field in _NEEDED.get(name, ()):
        if field not in match:
            raise ValidationError(f"match.{field}: the detector {name} needs it.")
    if name == "language" and ("allowed" in match) == ("forbidden" in match):
        raise ValidationError("match.detector: say which languages are allowed, or which are forbidden.")
    if name in ASKED or (name and places & {"response", "tool_use"}):
        if set(match) & {"keywords", "regex", "tool_names", "tool_input", "pii"}:
            raise ValidationError("match.detector: here it stands alone; leave words, patterns, tools and types out.")
        if action not in ("block", "flag"):
            raise ValidationError("action: what this detector finds can be blocked or flagged.")


def _languages(value: Any) -> None:
    _texts(value, len(LANGUAGES))
    for code in value:
        if code not in LANGUAGES:
            raise ValidationError(f"{code[:100]!r} is no language that is known. Give codes such as en, de, zh.")


def _topics(value: Any) -> None:
    _texts(value, _MOST_TOPICS)


def _server(value: Any) -> None:
    if not isinstance(value, str) or not 0 < len(value) <= 100:
        raise ValidationError("give the name of an upstream of the kind detector.")


def _texts(value: Any, most: int) -> None:
    if not isinstance(value, Sequence) or isinstance(value, str) or not 0 < len(value) <= most:
        raise ValidationError(f"give a list of 1 to {most} texts.")
    for one in value:
        if not isinstance(one, str) or not one.strip() or len(one) > _MOST_CHARS:
            raise ValidationError(f"give texts of 1 to {_MOST_CHARS} characters.")


FIELDS: Mapping[str, Check] = {
    "threshold": checks.number(0, 1),
    "allowed": _languages,
    "forbidden": _languages,
    "topics": _topics,
    "server": _server,
    "seconds": checks.number(0.1, 30),
    "on_failure": checks.one_of(FAILURES),
}
_OWNERS: Mapping[str, Sequence[str]] = {
    "threshold": NAMES,
    "allowed": ["language"],
    "forbidden": ["language"],
    "topics": ["topic"],
    "server": ["http"],
    "seconds": list(ASKED),
    "on_failure": list(ASKED),
}
_NEEDED: Mapping[str, Sequence[str]] = {"topic": ["topics"], "http": ["server"]}
