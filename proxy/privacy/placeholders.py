"""Stand-ins for values: `[PERSON_7K2M9QXA]`, a keyed hash of type and value, so that no state is kept anywhere.

The same value has the same placeholder in every turn, process and machine of a tenant. What a placeholder stands for
is known only while the request that holds the value runs.
"""

import hmac
from collections import Counter
from functools import cached_property
from hashlib import sha256

CODE_CHARS = 8
MORE_CHARS = 4
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's: no letter that is taken for another
_TO_TEXT = bytes(ord(_ALPHABET[byte & 31]) for byte in range(256))


def code_of(key: bytes, entity_type: str, value: str) -> str:
    """The whole code of a value, 32 characters of 5 bits each: a placeholder shows as many as it needs."""
    return hmac.digest(key, f"{entity_type}\0{value}".encode(), sha256).translate(_TO_TEXT).decode()


class Placeholders:
    """Those of one request, and what they stand for. Complete before the first is looked up."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._by_value: dict[tuple[str, str], str] = {}
        self._by_code: dict[str, tuple[str, str]] = {}

    def stand_in(self, entity_type: str, value: str) -> str:
        """The placeholder of a value, which is taken as it is written: only then can it be put back to the byte.

        Where two values have the same code, that of the later one is lengthened.
        """
        known = self._by_value.get((entity_type, value))
        if known is None:
            whole = code_of(self._key, entity_type, value)
            sizes = range(CODE_CHARS, len(whole) + 1, MORE_CHARS)
            code = next(whole[:size] for size in sizes if whole[:size] not in self._by_code)
            self._by_code[code] = (entity_type, value)
            known = self._by_value[entity_type, value] = f"[{entity_type}_{code}]"
        return known

    def behind(self, code: str) -> tuple[str, str] | None:
        """Type and value behind a code of this request; None for any other."""
        return self._by_code.get(code)

    @cached_property
    def types(self) -> frozenset[str]:
        """The entity types in use."""
        return frozenset(entity_type for entity_type, _value in self._by_value)

    @cached_property
    def beginnings(self) -> frozenset[str]:
        """What a code in use may begin with, up to the whole of it."""
        return frozenset(code[:size] for code in self._by_code for size in range(1, len(code) + 1))

    def __len__(self) -> int:
        return len(self._by_code)

    def __repr__(self) -> str:
        """Types and counts: values stay inside."""
        return f"Placeholders({dict(Counter(entity_type for entity_type, _value in self._by_value))})"
