"""The bytes of request bodies that a process holds: a bound for each key, and one for all of them."""

from collections.abc import Hashable

from proxy.errors import Refused, Unavailable


class TooManyBodies(Refused):
    """One key's calls hold as much memory as one key may."""

    status = 429
    type = "rate_limit_error"
    headers = {"retry-after": "2"}


class Bodies:
    """Counts what is held, from the first byte of a body to the end of its call."""

    def __init__(self, most_bytes: int, most_bytes_of_a_key: int) -> None:
        self._most = most_bytes
        self._most_of_a_key = most_bytes_of_a_key
        self._total = 0
        self._of_keys: dict[Hashable, int] = {}

    def take(self, key: Hashable, size: int) -> None:
        """Count `size` bytes more. Raises TooManyBodies, Unavailable."""
        held = self._of_keys.get(key, 0) + size
        if held > self._most_of_a_key:
            raise TooManyBodies(
                f"Requests of this key that are under way hold {self._most_of_a_key >> 20} MiB already. "
                "Send fewer large ones at once.",
                headers={"connection": "close"},
            )
        if self._total + size > self._most:
            message = "The gateway holds as many requests as it has memory for. Try again shortly."
            raise Unavailable(message, headers={"connection": "close"})
        self._of_keys[key] = held
        self._total += size

    def give_back(self, key: Hashable, size: int) -> None:
        """Stop counting what was taken."""
        self._total -= size
        left = self._of_keys[key] - size
        if left:
            self._of_keys[key] = left
        else:
            del self._of_keys[key]
