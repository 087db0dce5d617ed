"""Which turns of a conversation ask something, and what each is known again by."""

import hmac
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from proxy.formats.splice import Path

# Claude Code's notes to the model, which stand in the person's turn and are none of his words.
_REMINDER = "<system-reminder>"
_LEAST_CHARS = 4
MOST_TURNS = 200
"""Of a longer conversation only the latest are given anything."""


@dataclass(frozen=True, slots=True)
class Turn:
    """A turn in which a person says something."""

    content: Path
    digest: bytes
    question: str
    is_open: bool
    """Whether it is the one that is to be answered now."""


def read(messages: Sequence[Mapping[str, Any]], secret: bytes) -> list[Turn]:
    """The asking turns, the oldest first. Turns that only carry tools' results are none."""
    users = [place for place, message in enumerate(messages) if message.get("role") == "user"]
    turns = []
    times: Counter[bytes] = Counter()
    for place in users:
        content = messages[place]["content"]
        question = _question(content)
        if len(question) >= _LEAST_CHARS:
            path: Path = ("messages", place, "content")
            said = _digest(content, secret)
            # Who asks the same once more may be answered otherwise, and what was said before stays.
            digest = hmac.digest(secret, said + bytes([times[said] % 256]), "sha256") if times[said] else said
            times[said] += 1
            turns.append(Turn(path, digest, question, place == users[-1]))
    return turns[-MOST_TURNS:]


def _question(content: Any) -> str:
    """The person's own words in a turn."""
    said = [content] if isinstance(content, str) else [_text(block) for block in content]
    own = (text.strip() for text in said if not text.lstrip().startswith(_REMINDER))
    return "\n".join(filter(None, own))


def _text(block: Mapping[str, Any]) -> str:
    text = block.get("text") if block.get("type") == "text" else ""
    return text if isinstance(text, str) else ""


def _digest(content: Any, secret: bytes) -> bytes:
    """The same for the same turn, wherever the client sets its cache markers, and as text or as a block of text."""
    blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
    bare = [{name: value for name, value in block.items() if name != "cache_control"} for block in blocks]
    return hmac.digest(secret, json.dumps(bare, sort_keys=True).encode(), "sha256")
