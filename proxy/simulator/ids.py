"""Identifiers that say where they come from."""

import random


def new(kind: str) -> str:
    """An id such as `msg_sim_…`, not to be met twice. Nothing rests on its being hard to guess, so it may be cheap."""
    return f"{kind}_sim_{random.getrandbits(96):024x}"
