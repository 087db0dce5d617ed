"""Bytes as text, in the encodings people still send."""

import codecs

from proxy.knowledge.parsing.sections import MAX_CHARACTERS, Unreadable

_WIDE = {codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}


def read(path: str) -> str:
    """The file as text: UTF-8, UTF-16 with its mark, or Windows' Western alphabet. Raises Unreadable."""
    with open(path, "rb") as file:
        raw = file.read(MAX_CHARACTERS * 4)
    text = _decoded(raw)
    if len(text) > MAX_CHARACTERS:
        raise Unreadable(f"The file has more than {MAX_CHARACTERS:,} characters. Split it and upload the parts.")
    if text.count("\x00") > 0:
        raise Unreadable("The file is not text: it holds zero bytes.")
    return text


def _decoded(raw: bytes) -> str:
    wide = next((name for mark, name in _WIDE.items() if raw.startswith(mark)), None)
    try:
        return raw.decode(wide or "utf-8-sig")
    except UnicodeDecodeError:
        if wide:
            raise Unreadable("The file starts like UTF-16 text but is not. Save it as UTF-8.") from None
    unprintable = sum(byte < 32 and byte not in (9, 10, 12, 13) for byte in raw[:100_000])
    if unprintable:
        raise Unreadable("The file is not text. Save it as UTF-8.")
    return raw.decode("cp1252", "replace")
