"""Detectors: what gives a text a score from 0 to 1 instead of a place. `DETECTORS` names those asked in the process."""

import secrets
from collections import OrderedDict
from collections.abc import Callable, Mapping
from hashlib import blake2b

from proxy.rules.detectors import injection

DETECTORS: Mapping[str, Callable[[str], float]] = {
    "prompt_injection": injection.score,
    "jailbreak": injection.jailbreak,
}

_SUSPICION = 0.8
_SHORT = 200  # characters: judged faster than looked up
_MOST_REMEMBERED = 16_384
_key = secrets.token_bytes(32)
_orders: OrderedDict[bytes, bool] = OrderedDict()


def reads_like_orders(text: str) -> bool:
    """Whether a text from outside gives orders to the model. Remembered: each turn of a conversation asks again."""
    if len(text) < _SHORT:
        return injection.score(text) >= _SUSPICION
    digest = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16, key=_key).digest()
    known = _orders.get(digest)
    if known is None:
        known = _orders[digest] = injection.score(text) >= _SUSPICION
        if len(_orders) > _MOST_REMEMBERED:
            _orders.popitem(last=False)
    return known


def score(name: str, text: str) -> float:
    """How sure the detector is. Names are checked when a policy is saved."""
    return DETECTORS[name](text)
