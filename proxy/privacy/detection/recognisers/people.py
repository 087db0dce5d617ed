"""Names that their place gives away, without the model: `"customer": "…"`, `Author: … <…>`, `Dr. …`."""

import re

from proxy.privacy.detection.recognisers.base import Form, LinearRecognizer, Span

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
_PART_FIELDS = (
    "first?name", "last?name", "given?name", "family?name", "middle?name", "surname", "vorname", "nachname", "prénom",
    "nom", "imię", "nazwisko", "nombre", "apellido", "apellidos", "nome", "cognome",
)  # fmt: skip
_TITLES = (
    "Mr", "Mrs", "Ms", "Mx", "Dr", "Prof", "Herr", "Herrn", "Frau", "Mme", "Mlle", "Monsieur", "Madame", "Señor",
    "Señora", "Sra", "Signor", "Signora", "Pan", "Pani",
)  # fmt: skip
_WHOLE_KEY = f"(?:{'|'.join(_WHOLE_FIELDS).replace('?', _SEP)})"
_PART_KEY = f"(?:{'|'.join(_PART_FIELDS).replace('?', _SEP)})"
_TITLE = rf"\b(?:{'|'.join(_TITLES)})\b"
_FORMS = (
    Form("field", rf"(?i:\b{_WHOLE_KEY})[\"']?[ ]?[:=][ ]{{0,2}}[\"']?({_NAME})(?:[\"',<\r\n)]|$| <)", 0.8),
    Form("part", rf"(?i:\b{_PART_KEY})[\"']?[ ]?[:=][ ]{{0,2}}[\"']({_WORD}(?:[ ]{_WORD}){{0,2}})[\"']", 0.85),
    Form("whole tag", rf"<(?i:(?:[a-z]+:)?{_WHOLE_KEY})>({_NAME})</", 0.8),
    Form("part tag", rf"<(?i:(?:[a-z]+:)?{_PART_KEY})>({_WORD}(?:[ ]{_WORD}){{0,2}})</", 0.8),
    Form("before an address", rf"({_NAME})[\"']?[ ]?(?:<|&lt;|\()(?:mailto:)?[^\s<>()@]{{1,64}}@", 0.85),
    Form("after a title", rf"{_TITLE}\.?[ ]((?:{_WORD}|{_INITIAL})(?:[ ](?:{_WORD}|{_PARTICLE}[ ]{_WORD}))?)", 0.8),
)
_HINT = rf"(?i:{_WHOLE_KEY}|{_PART_KEY})[\"']?[ ]?[:=>]|[^\s][\"']?[ ]?(?:<|&lt;|\()[^\s<>()@]{{1,64}}@|{_TITLE}"
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

    def __init__(self) -> None:
        super().__init__("PERSON", _FORMS, hint=_HINT)

    def judge(self, text: str, span: Span) -> Span | None:
        start, end, score = span
        return None if NOT_NAMES.search(text[start:end]) else (start, end, score)
