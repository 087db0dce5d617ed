"""Names that their place gives away, without the model: `"customer": "…"`, `Author: … <…>`, `Dr. …`."""

import re
from collections.abc import Sequence

from proxy.privacy.detection.recognisers.base import Form, LinearRecognizer, Span, Words, spoken

_WORD = r"\p{Lu}[\pL'’-]+"
_INITIAL = r"\p{Lu}\."
_PARTICLE = r"(?:van|von|der|den|de|del|della|di|da|dos|du|la|le|bin|al|ter|ten|zu|y|e)"
_NAME = rf"{_WORD}(?:[ ](?:{_WORD}|{_INITIAL}|{_PARTICLE})){{1,4}}"
_SEP = "[_ -]?"
# What a field of a whole name is called, and one of a part of a name.
_WHOLE_FIELDS = (
    "full?name", "real?name", "display?name", "user?name", "name", "customer", "customer?name", "client?name", "author",
    "owner", "holder", "account?holder", "card?holder", "contact", "contact?name", "contact?person", "patient",
    "employee", "assignee", "reporter", "recipient", "sender", "attendee", "beneficiary", "signatory", "requester",
    "manager", "approver", "reviewed?by", "signed?off?by", "reported?by", "created?by", "assigned?to", "co?authored?by",
)  # fmt: skip
_PART_FIELDS: Words = {
    "": ("first?name", "last?name", "given?name", "family?name", "middle?name", "surname"),
    "de": ("vorname", "nachname"),
    "fr": ("prénom", "nom"),
    "pl": ("imię", "nazwisko"),
    "es": ("nombre", "apellido", "apellidos"),
    "pt": ("nome", "sobrenome"),
    "it": ("nome", "cognome"),
    "nl": ("voornaam", "achternaam"),
    "sv": ("förnamn", "efternamn"),
    "da": ("fornavn", "efternavn"),
    "fi": ("etunimi", "sukunimi"),
    "cs": ("jméno", "příjmení"),
    "hr": ("ime", "prezime"),
    "hu": ("keresztnév", "vezetéknév"),
    "tr": ("soyadı",),
}  # fmt: skip
_TITLES: Words = {
    "": ("Mr", "Mrs", "Ms", "Mx", "Dr", "Prof"),
    "de": ("Herr", "Herrn", "Frau"),
    "fr": ("Mme", "Mlle", "Monsieur", "Madame"),
    "es": ("Señor", "Señora", "Sra"),
    "pt": ("Senhor", "Senhora", "Sra"),
    "it": ("Signor", "Signora"),
    "pl": ("Pan", "Pani"),
    "nl": ("Dhr", "Mevr"),
    "cs": ("Pan", "Paní"),
    "hr": ("Gospodin", "Gospođa"),
}  # fmt: skip
_WHOLE_KEY = f"(?:{'|'.join(_WHOLE_FIELDS).replace('?', _SEP)})"


def _forms(part_key: str, title: str) -> list[Form]:
    return [
        Form("field", rf"(?i:\b{_WHOLE_KEY})[\"']?[ ]?[:=][ ]{{0,2}}[\"']?({_NAME})(?:[\"',<\r\n)]|$| <)", 0.8),
        Form("part", rf"(?i:\b{part_key})[\"']?[ ]?[:=][ ]{{0,2}}[\"']({_WORD}(?:[ ]{_WORD}){{0,2}})[\"']", 0.85),
        Form("whole tag", rf"<(?i:(?:[a-z]+:)?{_WHOLE_KEY})>({_NAME})</", 0.8),
        Form("part tag", rf"<(?i:(?:[a-z]+:)?{part_key})>({_WORD}(?:[ ]{_WORD}){{0,2}})</", 0.8),
        Form("before an address", rf"({_NAME})[\"']?[ ]?(?:<|&lt;|\()(?:mailto:)?[^\s<>()@]{{1,64}}@", 0.85),
        Form("after a title", rf"{title}\.?[ ]((?:{_WORD}|{_INITIAL})(?:[ ](?:{_WORD}|{_PARTICLE}[ ]{_WORD}))?)", 0.8),
    ]


# A capitalised word of these is a product's, an organisation's or a heading's.
NOT_NAMES = re.compile(
    r"(?i)\b(?:the|and|for|new|test|app|application|server|service|system|team|group|inc|ltd|llc|gmbh|corp|company"
    r"|foundation|project|software|user|admin|error|type|value|name|default|unknown|example|api|data|file|model|field"
    r"|list|library|university|licen[cs]e|authors?|contributors|corporation|developers|maintainers|community|limited|labs|technologies|solutions|studio|holdings"
    r"|association|organi[sz]ation|claude|sonnet|opus|haiku|code|department|office|bank|street|road|all"
    r"|this|your|no|not|none|true|false|release|version|string|public)\b"
)


class FieldNameRecognizer(LinearRecognizer):
    """Capitalised words where a name is asked for."""

    def __init__(self, languages: Sequence[str] = ()) -> None:
        part_key = f"(?:{'|'.join(spoken(_PART_FIELDS, languages)).replace('?', _SEP)})"
        title = rf"\b(?:{'|'.join(spoken(_TITLES, languages))})\b"
        hint = rf"(?i:{_WHOLE_KEY}|{part_key})[\"']?[ ]?[:=>]|[^\s][\"']?[ ]?(?:<|&lt;|\()[^\s<>()@]{{1,64}}@|{title}"
        super().__init__("PERSON", _forms(part_key, title), hint=hint)

    def judge(self, text: str, span: Span) -> Span | None:
        start, end, score = span
        return None if NOT_NAMES.search(text[start:end]) else (start, end, score)
