"""Hides credentials in text that is kept: log lines and usage records."""

import re

# Our own keys, Anthropic's keys and bearer tokens, wherever they turn up in a message or a header.
_SECRET = re.compile(r"(llmp_[0-9A-Za-z]{4}|sk-ant-[0-9A-Za-z-]{4}|[Bb]earer\s+\S{4})[0-9A-Za-z_\-./+=]{6,}")


def mask(text: str) -> str:
    """The text with all but the first characters of each credential left out."""
    if "llmp_" in text or "sk-ant-" in text or "earer" in text:  # asking takes a tenth of the pattern's time
        return _SECRET.sub(r"\1…", text)
    return text
