"""Postal addresses, by the words that streets are called with, by boxes, and by a postcode and town behind a house."""
# ruff: noqa: E501 - a regex is read at one glance

import re
from collections.abc import Sequence

from proxy.privacy.detection.names import words
from proxy.privacy.detection.recognisers import street_words
from proxy.privacy.detection.recognisers.base import Form, LinearRecognizer, Span, spoken

_W = "[0-9A-Za-z\u00c0-\u024f\u1ea0-\u1ef9'’.-]"
_CAPITAL = "[A-Z\u00c0-\u00de\u0141\u015a\u0179\u017b\u010c\u0160\u017d\u0110\u0130\u015e\u0158]"
_NUMBER = r"[0-9]{1,5}(?:[ ]?[A-Za-z]\b)?(?:[/-][0-9]{1,4}[A-Za-z]?)?"
_UNIT = (
    r"(?:[ ]?,?[ ](?:Apt|Apartment|Suite|Unit|Flat|Floor|Piso|Piano|Appartamento|App|Etage|étage|Dpto|Depto|Int|Interior"
    r"|Bajo|Puerta|Wohnung|Byt|Stan|lok|m|No|Nr|Daire)\.?:?[ ]?[0-9A-Za-z-]{1,6}\b)?"
)
_TOWN = rf"{_CAPITAL}{_W}+(?:[ -](?:{_CAPITAL}|de |del |la |di |na |am |an der |ob )+{_W}+){{0,3}}"
_POSTCODE = (
    r"(?:[A-Z]{1,2}-)?(?:[0-9]{3}[ ][0-9]{2}\b|[0-9]{2}-[0-9]{3}|[0-9]{5}-[0-9]{3}|[0-9]{4}[ ]?[A-Z]{2}\b|[0-9]{4,6})"
)
_CODE_BEHIND = r"(?:[0-9]{4,6}|[A-Z]{1,2}[0-9][0-9A-Z]?[ ][0-9][A-Z]{2}|[A-Z][0-9][A-Z][ ]?[0-9][A-Z][0-9])\b"
# What may follow: a flat, then postcode and town, or town, state and postcode.
_TAIL = (
    rf"{_UNIT}(?:[ ]?[,\n ][ ]?{_POSTCODE},?[ ]{_TOWN}(?:[ ]\([A-Z]{{2}}\))?"
    rf"|[ ]?[,\n][ ]?{_TOWN},?[ ](?:[A-Z]{{2,3}}[ ]|\([A-Z]{{2}}\)[ ])?{_CODE_BEHIND}"
    rf"|[ ]?[,\n][ ]?{_TOWN}(?:[ ]&[ ]{_TOWN})?-[0-9]{{6}}\b)?"
)
_NAMED = rf"(?:{_CAPITAL}{_W}*[ ]){{1,4}}"
_BOX = (
    r"(?i:P\.?[ ]?O\.?[ ]Box|Postfach|Apartado(?: de Correos)?|Casella [Pp]ostale|Boîte postale|Caixa Postal|Postbus|Postboks)"
    r"[ ][0-9]{1,6}"
)
_YEAR = re.compile(r"(?:19|20)[0-9]{2}")
_BEARS = re.compile(r"(?<![\w.])[0-9]{1,5}[A-Za-z]?(?![\w.])")
_WORD = re.compile(r"[^\W\d_]{2,}")
_NO_ADDRESS = re.compile(r"[@{}<>=$\\]|://|[a-z]\.[a-z]|\(\)|0x")
_CODE_BEFORE = "./-_$#@=\\:"
_PERHAPS, _LABELLED, _SHAPE = 0.6, 0.65, 0.55  # the scores that tell these forms apart


def _forms(languages: Sequence[str]) -> list[Form]:
    behind, before, ends = (
        "|".join(spoken(words, languages)) for words in (street_words.BEHIND, street_words.BEFORE, street_words.ENDS)
    )
    perhaps, fields, said = (
        "|".join(spoken(words, languages))
        for words in (street_words.PERHAPS_BEHIND, street_words.FIELDS, street_words.SAID)
    )
    forms = [
        Form("military", rf"\b((?:(?:PSC|Unit|CMR)[ ][0-9]{{1,5}},?[ ]Box[ ][0-9]{{1,5}}|US[NSC][VSG]S?[ ]{_CAPITAL}{_W}+)"
             r"[,\n][ ]?(?:[AFD]PO)[ ]A[AEP][ ][0-9]{5})", 0.9),
        Form("box", rf"\b({_BOX}{_TAIL})", 0.75),
        Form("house number", rf"\b((?:H\.? ?No\.?|House No\.?|Plot No\.?|Door No\.?)[ ]?[0-9][0-9/-]*[A-Z]?,[ ]{_CAPITAL}{_W}+(?:[ ]"
             rf"{_CAPITAL}{_W}+){{0,3}}{_TAIL})", 0.75),
        # A house and a town with its postcode: in order, nothing else looks like it.
        Form("number, name, postcode", rf"\b({_NUMBER},?[ ](?:{_CAPITAL}{_W}*[ ]?){{1,4}}{_UNIT},[ ]{_TOWN},?[ -]"
             rf"(?:[A-Z]{{2,3}}[ ])?{_CODE_BEHIND})", _SHAPE),
        Form("name, number, postcode", rf"\b({_CAPITAL}{_W}*(?:[ ]{_W}+){{0,3}},?[ ]{_NUMBER}{_UNIT}[ ]?[,\n][ ]?{_POSTCODE},?[ ]"
             rf"{_TOWN})", _SHAPE),
        Form("labelled", rf"(?i:\b(?:{fields}))(?:;[A-Z=;]{{1,30}})?[\"']?[ ]?[:=>][ ]{{0,2}}[\"']?([^\n\"'<>{{}}|\t]{{6,120}})",
             _LABELLED),
    ]  # fmt: skip
    if said:
        forms.append(
            Form(
                "said",
                rf"\b(?i:{said})[ ]({_NUMBER},?[ ](?:{_CAPITAL}{_W}*,?[ ]?){{1,6}}(?:[0-9]{{4,6}})?"
                rf"|{_CAPITAL}{_W}*(?:[ ]{_W}+){{0,3}},?[ ]{_NUMBER}{_TAIL})",
                _LABELLED,
            )
        )
    if behind:
        forms.append(Form("number first", rf"\b({_NUMBER},?[ \n]{_NAMED}(?:{behind})\b\.?{_TAIL})", 0.75))
        end = rf"(?:{_TAIL}[.,;\"'<|)\n]|$)"
        forms.append(Form("perhaps", rf"\b([0-9]{{2,5}}[ ]{_NAMED}(?:{perhaps})\b{_TAIL}){end}", _PERHAPS))
    if before:
        article = rf"(?:{_W}+[ ]){{0,4}}"
        forms += [
            Form("number, rue", rf"\b({_NUMBER},?[ ](?:bis[ ]|ter[ ])?(?:{before})[ ]{article}{_CAPITAL}{_W}+{_TAIL})", 0.75),
            Form("via, number",
                 rf"\b((?:{before})[ ]{article}{_CAPITAL}?{_W}+,?[ ](?:n[.º°]?[ ]?|núm\.?[ ]?|# ?)?{_NUMBER}{_TAIL})", 0.7),
        ]  # fmt: skip
    if ends:
        forms.append(
            Form(
                "straße number",
                rf"\b({_CAPITAL}{_W}*[ -]?(?:{_CAPITAL}{_W}*[ -]?)?(?i:{ends}),?[ ](?:No:? ?)?{_NUMBER}\.?{_TAIL})",
                0.75,
            )
        )
    return forms


def _hint(languages: Sequence[str]) -> str:
    """Without gaps: the prefilter looks for this in every text."""
    behind, before, ends = (
        "|".join(spoken(words, languages)) for words in (street_words.BEHIND, street_words.BEFORE, street_words.ENDS)
    )
    perhaps, fields, said = (
        "|".join(spoken(words, languages))
        for words in (street_words.PERHAPS_BEHIND, street_words.FIELDS, street_words.SAID)
    )
    hints = [
        rf"(?i:\b(?:{fields}))[\"']?[ ]?[:=>;]", _BOX, "[AFD]PO[ ]A[AEP]", "(?:House|Plot|Door|H[.]?) ?No",
        r"[0-9][A-Za-z]?[ ]?[,\n][ ]?(?:[A-Z]{1,2}-)?[0-9]{2,5}[ -]?[0-9A-Z]", rf"[A-Za-z.],?[ -](?:[A-Z]{{2,3}}[ ])?{_CODE_BEHIND}",
    ]  # fmt: skip
    if said:
        hints.append(rf"(?i:{said})")
    if behind:
        hints.append(rf"[ ](?:{behind}|{perhaps})\b")
    if before:
        hints.append(rf"\b(?:{before})[ ]")
    if ends:
        hints.append(rf"(?i:{ends}),?[ ](?:No:? ?)?[0-9]")
    return "|".join(f"(?:{hint})" for hint in hints)


class StreetRecognizer(LinearRecognizer):
    """An address has a street's word and a number; the town and the postcode beside it belong to it."""

    def __init__(self, languages: Sequence[str] = ()) -> None:
        super().__init__("ADDRESS", _forms(languages), hint=_hint(languages))

    def judge(self, text: str, span: Span) -> Span | None:
        start, end, score = span
        value = text[start:end].rstrip(" .,;")
        if start and text[start - 1] in _CODE_BEFORE and score != _LABELLED:
            return None
        is_right = {_LABELLED: _is_written_as_one, _SHAPE: _is_named, _PERHAPS: _is_named}.get(score, _is_no_year)
        return (start, start + len(value), score) if is_right(value) else None


def _is_written_as_one(value: str) -> bool:
    """What a field of that name holds may be something else: an address has a name and a house number."""
    return (
        2 <= len(_WORD.findall(value)) <= 14
        and (value[0].isupper() or value[0].isdigit())
        and _BEARS.search(value) is not None
        and not _NO_ADDRESS.search(value)
        and _is_named(value)
    )


def _is_named(value: str) -> bool:
    """Not "200 Status Point", "Windows 11, 10000 Users": a place has a name that is no common word."""
    return not all(map(words.is_common, _WORD.findall(value))) and _is_no_year(value)


def _is_no_year(value: str) -> bool:
    """Not "During 2013, Spring 2024": nothing but years, or a common word and a number."""
    found = _WORD.findall(value)
    is_dated = all(map(_YEAR.fullmatch, re.findall(r"[0-9]+", value)))
    return not is_dated and not (len(found) == 1 and words.is_common(found[0]))
