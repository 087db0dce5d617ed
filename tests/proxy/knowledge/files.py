"""Makes documents for tests: sound ones of every kind, and hostile ones."""

import io
import json
import struct
import zipfile
import zlib
from collections.abc import Callable, Mapping

_W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
_S = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
_R = 'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"'
_P = (
    'xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main" '
    'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main"'
)
_SHEET = '<sheet name="Prices" sheetId="1" r:id="rId1"/>'
_REL = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


def archive(members: Mapping[str, str | bytes], *, level: int = 9) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=level) as made:
        for name, content in members.items():
            made.writestr(name, content)
    return file.getvalue()


def docx(body: str, *, head: str = "", styles: str = "") -> bytes:
    document = f'<?xml version="1.0"?>{head}<w:document {_W}><w:body>{body}</w:body></w:document>'
    members = {"[Content_Types].xml": "<Types/>", "word/document.xml": document}
    if styles:
        members["word/styles.xml"] = f"<w:styles {_W}>{styles}</w:styles>"
    return archive(members)


def paragraph(text: str, style: str = "") -> str:
    named = f'<w:pPr><w:pStyle w:val="{style}"/></w:pPr>' if style else ""
    return f"<w:p>{named}<w:r><w:t>{text}</w:t></w:r></w:p>"


def relations(targets: Mapping[str, tuple[str, str]]) -> str:
    rows = "".join(
        f'<Relationship Id="{key}" Type="{_REL}/{kind}" Target="{target}"/>' for key, (kind, target) in targets.items()
    )
    return f'<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">{rows}</Relationships>'


def xlsx(sheet: str, *, strings: str = "", head: str = "") -> bytes:
    return archive(
        {
            "[Content_Types].xml": "<Types/>",
            "xl/workbook.xml": f"<workbook {_S} {_R}><sheets>{_SHEET}</sheets></workbook>",
            "xl/_rels/workbook.xml.rels": relations({"rId1": ("worksheet", "worksheets/sheet1.xml")}),
            "xl/worksheets/sheet1.xml": f"{head}<worksheet {_S}><sheetData>{sheet}</sheetData></worksheet>",
            "xl/sharedStrings.xml": f"<sst {_S}>{strings}</sst>",
        }
    )


def pptx(*slides: str) -> bytes:
    names = [f"slides/slide{number}.xml" for number in range(1, len(slides) + 1)]
    ids = "".join(f'<p:sldId id="{256 + n}" r:id="rId{n}"/>' for n in range(len(slides)))
    members = {
        "[Content_Types].xml": "<Types/>",
        "ppt/presentation.xml": f"<p:presentation {_P} {_R}><p:sldIdLst>{ids}</p:sldIdLst></p:presentation>",
        "ppt/_rels/presentation.xml.rels": relations({f"rId{n}": ("slide", name) for n, name in enumerate(names)}),
    }
    for name, slide in zip(names, slides, strict=True):
        members[f"ppt/{name}"] = f"<p:sld {_P}><p:cSld><p:spTree>{slide}</p:spTree></p:cSld></p:sld>"
    return archive(members)


def shape(text: str, placeholder: str = "") -> str:
    kind = f'<p:nvPr><p:ph type="{placeholder}"/></p:nvPr>' if placeholder else ""
    return f"<p:sp>{kind}<p:txBody><a:p><a:r><a:t>{text}</a:t></a:r></a:p></p:txBody></p:sp>"


def pdf(*pages: str, extra: str = "", stream: Callable[[str], bytes] | None = None, trailer: str = "") -> bytes:
    """A plain PDF file with a line of text on each page."""
    objects: list[bytes] = [b"<< /Type /Catalog /Pages 2 0 R " + extra.encode() + b" >>", b""]
    kids = []
    for text in pages:
        data = stream(text) if stream else f"BT /F1 12 Tf 72 720 Td ({text}) Tj ET".encode("latin-1")
        filters = b"/Filter /FlateDecode " if stream else b""
        objects.append(b"<< " + filters + b"/Length %d >>\nstream\n%b\nendstream" % (len(data), data))
        font = b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"
        objects.append(
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents %d 0 R "
            b"/Resources << /Font << /F1 %b >> >> >>" % (len(objects), font)
        )
        kids.append(len(objects))
    objects[1] = b"<< /Type /Pages /Kids [%b] /Count %d >>" % (
        b" ".join(b"%d 0 R" % kid for kid in kids),
        len(kids),
    )
    out, places = bytearray(b"%PDF-1.4\n"), []
    for number, content in enumerate(objects, start=1):
        places.append(len(out))
        out += b"%d 0 obj\n%b\nendobj\n" % (number, content)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    out += b"trailer\n<< /Size %d /Root 1 0 R %b >>\nstartxref\n%d\n%%%%EOF" % (
        len(objects) + 1,
        trailer.encode(),
        start,
    )
    return bytes(out)


def _patched_sizes(made: bytes, name: bytes, size: int) -> bytes:
    """The archive with a lie about how large one member is, in its directory and beside it."""
    out = bytearray(made)
    for magic, offset in ((b"PK\x01\x02", 24), (b"PK\x03\x04", 22)):
        place = out.find(magic)
        while place >= 0:
            if out.find(name, place, place + 80) >= 0:
                out[place + offset : place + offset + 4] = struct.pack("<I", size)
            place = out.find(magic, place + 4)
    return bytes(out)


_BILLION = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10 if n else "lol"}">' for n in range(10))
_MANY_CELLS = "".join(f'<c r="A{n}"><v>1</v></c>' for n in range(2)) + '<c r="ZZZZ1"><v>1</v></c>'


def _bomb(text: str) -> bytes:
    return zlib.compress(b"BT (" + b"A" * 100_000_000 + b") Tj ET" + text.encode(), 1)


def hostile(listener: str) -> dict[str, Callable[[], bytes]]:
    """File name → what makes its bytes. None of them may be read; `listener` is an address nobody may call."""
    external = f'<!DOCTYPE d [<!ENTITY x SYSTEM "http://{listener}/x">]>'
    hashes = "/O <{0}> /U <{0}>".format("ab" * 32)
    locked = f"/Encrypt << /Filter /Standard /V 2 /R 3 /Length 128 /P -44 {hashes} >> /ID [<00> <00>]"
    return {
        "empty.txt": lambda: b"",
        "zeros.txt": lambda: b"\x00" * 10_000,
        "program.txt": lambda: b"MZ" + bytes(range(256)) * 50,
        "picture.pdf": lambda: b"\x89PNG\r\n\x1a\n" + b"\x00" * 5000,
        "huge-picture.png": lambda: (
            b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII", 13, b"IHDR", 50_000, 50_000) + b"\x00" * 999
        ),
        "gzip.json": lambda: b"\x1f\x8b\x08\x00" + b"\x00" * 500,
        "unknown.exe": lambda: b"text",
        "pdf-as.docx": lambda: pdf("hello"),
        "docx-as.pdf": lambda: docx(paragraph("hello")),
        "text-as.docx": lambda: b"just some text",
        "old.doc": lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 2000,
        "locked.docx": lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 2000,
        "locked.pdf": lambda: pdf("hush", trailer=locked),
        "bomb.docx": lambda: docx(paragraph("A" * 20_000_000)),
        "liar.docx": lambda: _patched_sizes(docx(paragraph("x" * 1000) * 300_000), b"word/document.xml", 1000),
        "members.docx": lambda: archive({"word/document.xml": "<d/>", **{f"a/{n}": "" for n in range(3000)}}),
        "nested.zip.docx": lambda: archive({"inner.zip": archive({"bomb": b"\x00" * 1_000_000})}),
        "escape.docx": lambda: archive({"../../etc/passwd": "root", "word/other.xml": "x"}),
        "cut.docx": lambda: docx(paragraph("hello") * 5000)[:900],
        "billion-laughs.docx": lambda: docx(paragraph("&l9;"), head=f"<!DOCTYPE d [{_BILLION}]>"),
        "external.docx": lambda: docx(paragraph("&x;"), head=external),
        "external.xlsx": lambda: xlsx("<row><c><v>&x;</v></c></row>", head=external),
        "deep.docx": lambda: docx("<w:a>" * 50_000),
        "columns.xlsx": lambda: xlsx(f"<row>{_MANY_CELLS}</row>"),
        "columns.csv": lambda: b",".join([b"a"] * 1_000_000),
        "deep.json": lambda: b"[" * 200_000 + b"]" * 200_000,
        "broken.json": lambda: b'{"a": ',
        "utf16-bomb.txt": lambda: b"\xff\xfe" + b"\x00\xd8" * 1000 + b"\x41",
        "no-pdf.pdf": lambda: b"%PDF-1.7\n" + b"garbage " * 5000,
        "inflating.pdf": lambda: pdf("x", stream=_bomb),
        "loop.pdf": lambda: pdf("x").replace(b"/Kids [4 0 R]", b"/Kids [2 0 R]"),
        "pages.pdf": lambda: pdf("x").replace(
            b"/Kids [4 0 R] /Count 1", b"/Kids [" + b"4 0 R " * 2001 + b"] /Count 2001"
        ),
        "scan.pdf": lambda: pdf(""),
        "nothing.html": lambda: b"<script>alert(1)</script><p hidden>unseen</p>",
    }


def notebook(*cells: str) -> bytes:
    return json.dumps({"cells": [{"cell_type": "code", "source": [cell]} for cell in cells]}).encode()
