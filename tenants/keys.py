"""The form of an API key's secret, and how it is recognised without being stored.

`llmp_`, 30 random base62 characters (178 bits), then 6 base62 characters of the CRC32 of all that precedes.
A typing error, a truncated paste and a guess are told from a key without any look-up.
"""

import hmac
import re
import secrets
import string
import zlib
from collections.abc import Mapping

from django.conf import settings

PREFIX = "llmp_"
SCANNER_REGEX = r"\bllmp_[0-9A-Za-z]{36}\b"
"""For secret scanners (gitleaks, detect-secrets); `is_well_formed` on a hit removes chance matches."""

_ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase
_RANDOM_CHARS = 30
_CHECKSUM_CHARS = 6
_SHAPE = re.compile(r"llmp_[0-9A-Za-z]{36}")
_SHOWN_CHARS = 9  # the prefix and four random characters: enough to tell keys apart


def make() -> str:
    """A new secret."""
    body = PREFIX + "".join(secrets.choice(_ALPHABET) for _ in range(_RANDOM_CHARS))
    return body + _checksum(body)


def is_well_formed(text: str) -> bool:
    """Whether the text can be a secret of ours at all: its shape and its checksum are right."""
    if _SHAPE.fullmatch(text) is None:
        return False
    return _checksum(text[:-_CHECKSUM_CHARS]) == text[-_CHECKSUM_CHARS:]


def digest(secret: str, pepper: bytes) -> str:
    """What is stored of a secret. A fast keyed hash, because 178 random bits need no slow one."""
    return hmac.digest(pepper, secret.encode(), "sha256").hex()


def digests(secret: str, peppers: Mapping[int, bytes] | None = None) -> list[tuple[int, str]]:
    """The secret's (pepper version, digest) under every pepper, the configured ones unless told, the newest first."""
    chosen = settings.KEY_PEPPERS if peppers is None else peppers
    return [(version, digest(secret, pepper)) for version, pepper in chosen.items()]


def display(secret: str) -> tuple[str, str]:
    """What may be shown of a secret for ever: its first characters and its last four."""
    return secret[:_SHOWN_CHARS], secret[-4:]


def _checksum(text: str) -> str:
    number = zlib.crc32(text.encode())
    characters = []
    for _ in range(_CHECKSUM_CHARS):
        number, digit = divmod(number, 62)
        characters.append(_ALPHABET[digit])
    return "".join(reversed(characters))
