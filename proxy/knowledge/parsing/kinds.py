"""What a file is: by its first bytes and by its name, which have to agree."""

import codecs
import zipfile
from pathlib import PurePath

from proxy.knowledge.parsing.sections import Unreadable

PARSERS = {
    "pdf": "pdf",
    "docx": "docx",
    "pptx": "pptx",
    "xlsx": "xlsx",
    "html": "html",
    "markdown": "markdown",
    "csv": "tables",
    "json": "structured",
    "text": "plain",
}
"""Kind → module of this package with its `sections(path, found)`."""

_OFFICE = {"word/document.xml": "docx", "ppt/presentation.xml": "pptx", "xl/workbook.xml": "xlsx"}
_CODE = (
    "c cc cpp cs css cfg conf dart ex go graphql groovy h hpp hs ini java jl js jsx kt less lua m mjs ml php pl "
    "properties proto ps1 py r rb rs scala scss sh sql swift tex tf toml ts tsx vue xml yaml yml"
)
_KINDS = {
    **dict.fromkeys(_CODE.split(), "text"),
    **dict.fromkeys(["txt", "text", "log", "rst", "adoc", "org", "eml", "srt", "vtt"], "text"),
    **dict.fromkeys(["md", "markdown", "mdx"], "markdown"),
    **dict.fromkeys(["html", "htm", "xhtml"], "html"),
    **dict.fromkeys(["csv", "tsv"], "csv"),
    **dict.fromkeys(["json", "jsonl", "ndjson", "ipynb"], "json"),
    **{kind: kind for kind in ("pdf", "docx", "pptx", "xlsx")},
}
_MAGIC = {
    b"\x89PNG": "a picture",
    b"\xff\xd8\xff": "a picture",
    b"GIF8": "a picture",
    b"II*\x00": "a picture",
    b"MM\x00*": "a picture",
    b"RIFF": "a media file",
    b"\x00\x00\x00": "a media file",
    b"ID3": "a media file",
    b"\x1f\x8b": "a compressed file",
    b"BZh": "a compressed file",
    b"\xfd7zXZ": "a compressed file",
    b"7z\xbc\xaf": "an archive",
    b"Rar!": "an archive",
    b"MZ": "a program",
    b"\x7fELF": "a program",
    b"SQLite format 3": "a database",
}
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_HEAD_BYTES = 1024
ACCEPTED = "PDF, DOCX, PPTX, XLSX, HTML, Markdown, text, CSV, JSON and source code"


def is_known(name: str) -> bool:
    """Whether a file of this name may be taken in at all."""
    return _suffix(name) in {*_KINDS, ""}


def of(path: str, name: str) -> str:
    """The kind of the file: a key of PARSERS. Raises Unreadable."""
    with open(path, "rb") as file:
        head = file.read(_HEAD_BYTES)
    if not head:
        raise Unreadable("The file is empty.")
    named, found = _named(name), _by_magic(path, head, _suffix(name))
    if found is None and named in _OFFICE.values() or found is None and named == "pdf":
        raise Unreadable(f"The file is named like a {named.upper()} file but is not one. Export it again.")
    if found is not None and found != named:
        raise Unreadable(f"The file is named .{_suffix(name)} but is a {found.upper()} file. Give it its own ending.")
    return found or named


def _suffix(name: str) -> str:
    return PurePath(name).suffix.lower().removeprefix(".")


def _named(name: str) -> str:
    suffix = _suffix(name)
    kind = _KINDS.get(suffix, "" if suffix else "text")
    if not kind:
        raise Unreadable(f"Files ending in .{suffix[:20]} are not read here. Accepted are {ACCEPTED}.")
    return kind


def _by_magic(path: str, head: bytes, suffix: str) -> str | None:
    """What the bytes say it is; None for text."""
    if b"%PDF-" in head:
        return "pdf"
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _office(path)
    if head.startswith(_OLE):
        if suffix in _OFFICE.values():
            raise Unreadable("The file is protected by a password. Remove the password and upload it again.")
        raise Unreadable("Files of Office before 2007 are not read here. Save it as .docx, .pptx or .xlsx.")
    for magic, words in _MAGIC.items():
        if head.startswith(magic):
            raise Unreadable(f"The file is {words}. Accepted are {ACCEPTED}.")
    is_wide = head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    if b"\x00" in head and not is_wide:
        raise Unreadable(f"The file is not text. Accepted are {ACCEPTED}.")
    return None


def _office(path: str) -> str:
    try:
        with zipfile.ZipFile(path) as archive:
            names = set(archive.namelist())
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        raise Unreadable("The file is damaged: it cannot be opened. Export it again.") from None
    for part, kind in _OFFICE.items():
        if part in names:
            return kind
    raise Unreadable("Archives are not read here. Upload the files that are in it.")
