"""Check: may this key ask for this model."""

import time

from proxy.call import Call
from proxy.errors import NotPermitted


class ModelNotAllowed(NotPermitted):
    """The key's allow-list does not hold the model. The list is of names as clients ask for them."""


def check(call: Call) -> None:
    """Raise ModelNotAllowed where the key's globs do not match the model asked for."""
    started = time.perf_counter()
    if not call.caller.models.match(call.model):
        raise ModelNotAllowed(f"model: this key may not use {call.model!r}. It may use: {_allowed(call)}.")
    call.trace.note("access", started, model=call.model)


def _allowed(call: Call) -> str:
    return ", ".join(call.caller.models.patterns) or "none"
