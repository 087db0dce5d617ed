"""Credentials that only their surroundings give away: private keys, passwords in addresses and settings."""

import math
import re
from collections import Counter

from proxy.privacy.detection.recognisers.base import Form, LinearRecognizer, Span

_LABEL = r"[0-9A-Z ]{0,30}PRIVATE KEY(?: BLOCK)?-----"
_PEM = rf"-----BEGIN {_LABEL}.*?-----END {_LABEL}"
_PEM_CUT = rf"-----BEGIN {_LABEL}(?:\s|\\n|\\r)*(?:[0-9A-Za-z+/=]{{16,}}(?:\s|\\n|\\r)*)+"


class PrivateKeyRecognizer(LinearRecognizer):
    """Private keys in PEM, on lines or escaped in a string, also when the end is cut off."""

    def __init__(self) -> None:
        forms = [Form("pem", _PEM, 1.0), Form("pem, cut", _PEM_CUT, 0.95)]
        super().__init__("SECRET", forms, hint="PRIVATE KEY")

    def judge(self, text: str, span: Span) -> Span | None:
        start, end, score = span
        body = text[start:end].replace("-", "")
        return (start, start + len(text[start:end].rstrip()), score) if len(body) > 120 else None


_ADDRESS = r"\b[A-Za-z][0-9A-Za-z+.-]{1,20}://[^\s:/@'\"<>]{0,64}:([^\s@/'\"<>]{3,128})@[0-9A-Za-z\[_$-]"
_HEADER = r"(?i)\b(?:bearer|basic)[ ]+([0-9A-Za-z._~+/-]{20}[0-9A-Za-z._~+/-]{0,900}=*)"
_NAME = (
    r"(?:password|passwd|passwort|passphrase|pwd|secret|token|api[_-]?key|apikey|access[_-]?key|secret[_-]?key|private[_-]?key"
    r"|auth[_-]?key|signing[_-]?key|encryption[_-]?key|credentials?|pepper)"
)
_QUOTED = (
    rf"(?i){_NAME}[0-9A-Za-z_]{{0,16}}[\"'\]]{{0,2}}[ ]?(?:=>|:=|=|:)[ ]{{0,2}}[bruf]?[\"'`]([^\"'`\s]{{6,200}})[\"'`]"
)
_BARE = (
    rf"(?im)^[ \t]*(?:export[ ]+|set[ ]+|-[ ]+|env[ ]+)?[0-9A-Z_.-]{{0,48}}{_NAME}[0-9A-Z_]{{0,16}}"
    r"[ ]?[=:][ ]?([^\s\"'`,;(){}\[\]]{6,200})[ \t\r]*$"
)
_SAID = r"(?i)\b(?:password|passwd|pwd|passphrase|pass|pin)(?: is|:| was| =|=)[ ]{1,2}[\"'`]?([^\s\"'`,;(){}<>]{6,64})"
_PLACEHOLDER = re.compile(
    r"(?i)^(?:\$|%|<|\{|\*|#|@|--|\.\.|/|\\)|\$\{|\{\{|^(.)\1+$|example|changeme|change[-_]me|your[-_]|placeholder|redacted"
    r"|dummy|^x{3,}|xxxx|\*\*\*|^(?:none|null|true|false|undefined|secret|password|string|optional)\b"
)
_CODE = re.compile(
    r"^[A-Za-z_][\w]*(?:[.:]{1,2}[A-Za-z_]\w*)*(?:\(.*|\[.*)?;?$|^[a-z]+(?:[-_ ][a-z]+)*$|^https?://|^[\w.-]*/[\w./-]*$"
)
_LEAST_BITS = 2.6  # per character; English words stay below when they are short


class PasswordRecognizer(LinearRecognizer):
    """Passwords in connection strings, authorization headers, assignments and sentences."""

    def __init__(self) -> None:
        forms = [
            Form("connection string", _ADDRESS, 0.95),
            Form("header", _HEADER, 0.85),
            Form("quoted", _QUOTED, 0.7),
            Form("setting", _BARE, 0.7),
            Form("said", _SAID, 0.65),
        ]
        hint = rf"(?i){_NAME}|\b(?:pass|pin)\b|bearer|basic|://[^\s/@]{{0,64}}:[^\s@/]"
        super().__init__("SECRET", forms, hint=hint)

    def judge(self, text: str, span: Span) -> Span | None:
        start, end, score = span
        value = text[start:end].rstrip(".,;:!?)")
        if len(value) < 3 or _PLACEHOLDER.search(value):
            return None
        if score == 0.95:  # in an address its place says enough
            return (
                None
                if value.lower() in ("password", "pass", "pw", "port", "token")
                else (start, start + len(value), score)
            )
        if not _is_random(value):
            return None
        return start, start + len(value), score


def _is_random(value: str) -> bool:
    has_digit = any(map(str.isdigit, value))
    has_letter = any(map(str.isalpha, value))
    has_mark = any(not c.isalnum() and c not in "._-:/" for c in value)
    if not (has_letter and (has_digit or has_mark)):
        return False
    if _CODE.match(value) and not (has_digit and _bits(value) > 3.2 and "(" not in value and "." not in value):
        return False
    return _bits(value) >= _LEAST_BITS


def _bits(value: str) -> float:
    size = len(value)
    return -sum(count / size * math.log2(count / size) for count in Counter(value).values())
