"""Cells whose column says what they hold: CSV, TSV, Markdown tables and the rows of an SQL INSERT."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise

from presidio_analyzer import RecognizerResult

from proxy.privacy.detection.linear import Subject
from proxy.privacy.detection.recognisers.base import LinearRecognizer, Words, spoken
from proxy.privacy.detection.recognisers.people import NOT_NAMES

_SCORE = 0.75
_MAX_HEADER_CHARS = 600
_DELIMITERS = ",;\t|"

Types = Mapping[str, str]
"""Entity types by the head of a column."""

Cell = tuple[int, int]
"""Start and end of a cell's content, without blanks and quotes."""

_NAME = re.compile(r"[^\W\d_][^\W\d_'’.-]*(?:[ '’.-]{1,2}[^\W\d_]+){0,4}\.?")
_PHONE = re.compile(r"\+?[\d(][\d ().\-/x]{5,22}")
_COLUMNS: Mapping[str, Words] = {
    "PERSON": {
        "": ("full name", "first name", "last name", "given name", "family name", "surname", "customer name",
             "client name", "employee name", "contact name", "patient name"),
        "de": ("vorname", "nachname"),
        "es": ("nombre", "apellidos"),
        "fr": ("prénom",),
        "it": ("cognome",),
        "pt": ("sobrenome",),
        "pl": ("imię", "nazwisko"),
        "nl": ("voornaam", "achternaam"),
        "sv": ("förnamn", "efternamn"),
        "da": ("fornavn", "efternavn"),
        "fi": ("etunimi", "sukunimi"),
        "cs": ("jméno", "příjmení"),
        "hr": ("prezime",),
    },
    "PHONE_NUMBER": {
        "": ("phone", "phone number", "mobile", "tel", "telephone", "telefon", "cell", "fax"),
        "de": ("telefonnummer", "handy"),
        "es": ("teléfono", "móvil"),
        "fr": ("téléphone",),
        "it": ("telefono", "cellulare"),
        "pt": ("telefone",),
        "nl": ("telefoon",),
        "fi": ("puhelin",),
    },
    "ADDRESS": {
        "": ("address", "street", "street address", "shipping address", "billing address"),
        "de": ("adresse", "anschrift", "straße"),
        "fr": ("adresse",),
        "es": ("dirección",),
        "it": ("indirizzo",),
        "pt": ("endereço",),
        "pl": ("adres",),
        "nl": ("adres",),
        "sv": ("adress",),
        "da": ("adresse",),
        "cs": ("adresa",),
        "hr": ("adresa",),
    },
    "US_SSN": {"": ("ssn", "social security number")},
    "SECRET": {"": ("password", "api key", "secret", "secret key", "access token", "api token")},
}  # fmt: skip
# Columns that hold people only where another column is a person's too: "name" alone may be anything's.
_VAGUE = (
    "name",
    "customer",
    "contact",
    "employee",
    "patient",
    "owner",
    "author",
    "assignee",
    "reporter",
    "user",
    "member",
)
_PERSONAL = ("email", "e mail", "mail", "birthday", "date of birth", "dob", "salary", "iban", "card", "card number")
_INSERT = re.compile(r"(?i)insert\s+into\s+[\w.`\"\[\]]{1,80}\s*\(([^()]{3,600})\)\s*values\s*")
_ROW = re.compile(r"\(((?:'(?:[^'\\\n]|''|\\.)*'|[^'()\n]){1,2000})\)")
_COMMA = re.compile(r"\s*,\s*")


class TableRecognizer(LinearRecognizer):
    """People, phones, addresses, social security numbers and secrets by the head of their column."""

    def __init__(self, languages: Sequence[str] = ()) -> None:
        self._types = {name: kind for kind, names in _COLUMNS.items() for name in spoken(names, languages)}
        hint_words = sorted({name.split()[-1] for name in (*self._types, *_VAGUE)})
        super().__init__("PERSON", (), hint=rf"(?i)\b(?:{'|'.join(hint_words)})[\"'`]?[ ]?[,;|)\t\r\n]")
        self.supported_entities = list(_COLUMNS)

    def find(self, subject: Subject) -> list[RecognizerResult]:
        text = subject.text
        found = []
        for kinds, rows in (*_tables(text, self._types), *_inserts(text, self._types)):
            for row in rows:
                for kind, (start, end) in zip(kinds, row, strict=False):
                    if kind and _FITS[kind](text[start:end]):
                        found.append(RecognizerResult(kind, start, end, _SCORE))
        return found


def _tables(text: str, types: Types) -> Iterator[tuple[list[str], list[list[Cell]]]]:
    lines = [(match.start(), match.end()) for match in re.finditer(r"[^\n]+", text)]
    at = 0
    while at < len(lines) - 1:
        start, end = lines[at]
        kinds, delimiter = _head(text[start:end], types)
        at += 1
        if not any(kinds):
            continue
        rows: list[list[Cell]] = []
        while at < len(lines) and len(row := _cells(text, *lines[at], delimiter)) == len(kinds):
            rows.append(row)
            at += 1
        yield kinds, rows


def _head(line: str, types: Types) -> tuple[list[str], str]:
    if len(line) > _MAX_HEADER_CHARS:
        return [], ""
    delimiter = max(_DELIMITERS, key=line.count)
    if not line.count(delimiter):
        return [], ""
    return _kinds([line[start:end] for start, end in _cells(line, 0, len(line), delimiter)], types), delimiter


def _kinds(columns: Sequence[str], types: Types) -> list[str]:
    names = [re.sub(r"[_\W]+", " ", column).strip().lower() for column in columns]
    if any(len(name) > 30 for name in names):
        return []
    kinds = [types.get(name, "") for name in names]
    if any(kinds) or any(name in _PERSONAL for name in names):
        kinds = [kind or ("PERSON" if name in _VAGUE else "") for kind, name in zip(kinds, names, strict=True)]
    return kinds


def _inserts(text: str, types: Types) -> Iterator[tuple[list[str], list[list[Cell]]]]:
    for head in _INSERT.finditer(text):
        kinds = _kinds(head[1].split(","), types)
        if any(kinds):
            yield kinds, list(_insert_rows(text, head.end()))


def _insert_rows(text: str, at: int) -> Iterator[list[Cell]]:
    while row := _ROW.match(text, at):
        yield _cells(text, row.start(1), row.end(1), ",")
        comma = _COMMA.match(text, row.end())
        if comma is None:
            return
        at = comma.end()


def _cells(text: str, start: int, end: int, delimiter: str) -> list[Cell]:
    borders, quote = [start - 1], ""
    for at in range(start, end):
        character = text[at]
        if character == quote:
            quote = ""
        elif not quote and character in "\"'" and text[borders[-1] + 1 : at].strip() == "":
            quote = character
        elif character == delimiter and not quote:
            borders.append(at)
    return [_trimmed(text, before + 1, after) for before, after in pairwise([*borders, end])]


def _trimmed(text: str, start: int, end: int) -> Cell:
    while start < end and (text[start].isspace() or text[start] in "\"'`"):
        start += 1
    while end > start and (text[end - 1].isspace() or text[end - 1] in "\"'`"):
        end -= 1
    return start, end


def _is_name(cell: str) -> bool:
    return 2 < len(cell) < 60 and cell[0].isupper() and _NAME.fullmatch(cell) is not None and not NOT_NAMES.search(cell)


def _is_phone(cell: str) -> bool:
    return _PHONE.fullmatch(cell) is not None and 7 <= sum(map(str.isdigit, cell)) <= 20


def _is_address(cell: str) -> bool:
    return 6 <= len(cell) <= 200 and any(map(str.isdigit, cell)) and sum(map(str.isalpha, cell)) >= 3


def _is_ssn(cell: str) -> bool:
    return len(cell) in (9, 11) and sum(map(str.isdigit, cell)) == 9


def _is_secret(cell: str) -> bool:
    return 6 <= len(cell) <= 200 and not any(map(str.isspace, cell)) and any(not c.isalpha() for c in cell)


_FITS: Mapping[str, Callable[[str], bool]] = {
    "PERSON": _is_name,
    "PHONE_NUMBER": _is_phone,
    "ADDRESS": _is_address,
    "US_SSN": _is_ssn,
    "SECRET": _is_secret,
}
