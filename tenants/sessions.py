"""How a person's session is named where its key must not be known."""

import hashlib


def digest(session_key: str) -> str:
    """A fast hash: session keys are 160 random bits."""
    return hashlib.sha256(session_key.encode()).hexdigest()
