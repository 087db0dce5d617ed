"""Numbers that a state gives to a person. All but the American ones have check digits."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from proxy.privacy.detection.recognisers.base import Form, LinearRecognizer, Span, is_word

_SSN = r"(?:^|[^0-9A-Za-z_.+-])([0-9]{3}([- .]?)[0-9]{2}[- .]?[0-9]{4})"
_CUES = (
    "ssns?", "ssn_number", "social security(?: number| no| nr| #)?", "social", "social_security_number", "i?tin",
    "taxpayer id", "tax id",
)  # fmt: skip


class SsnRecognizer(LinearRecognizer):
    """Social security numbers and ITINs: with dashes, or in any form after a word that says so."""

    def __init__(self) -> None:
        regex = _SSN.replace("([- .]?)", "[- .]?")
        super().__init__("US_SSN", [Form("ssn", regex, 0.9)], hint=r"[0-9]{3}[- .]?[0-9]{2}[- .]?[0-9]{4}", cues=_CUES)

    def judge(self, text: str, span: Span) -> Span | None:
        start, end, score = span
        if end < len(text) and (is_word(text[end]) or (text[end] in ".-" and text[end + 1 : end + 2].isdigit())):
            return None
        number = text[start:end]
        digits = "".join(filter(str.isdigit, number))
        separators = (
            number.replace(digits, "") if len(number) == len(digits) else {c for c in number if not c.isdigit()}
        )
        if len(separators) > 1 or len(number) not in (9, 11) or not _is_issued(digits):
            return None
        if number[3] == "-" or self.has_cue(text, start):
            return start, end, score
        return None


def _is_issued(digits: str) -> bool:
    area, group, serial = digits[:3], digits[3:5], digits[5:]
    if area in ("000", "666") or group == "00" or serial == "0000" or len(set(digits)) == 1:
        return False
    return area < "900" or group >= "50"  # above: taxpayers without a social security number


@dataclass(frozen=True, slots=True)
class _Number:
    """One country's: how it is written, what it is called, and whether its check digits are right."""

    language: str
    form: str
    cues: tuple[str, ...]  # empty: nothing else is written so
    is_right: Callable[[str], bool]


def _weighted(digits: str, weights: str) -> int:
    return sum(int(digit) * int(weight) for digit, weight in zip(digits, weights, strict=False))


def _is_nif(number: str) -> bool:
    digits = number[:-1].translate(str.maketrans("XYZ", "012"))
    return "TRWAGMYFPDXBNJZSQVHLCKE"[int(digits) % 23] == number[-1]


def _is_codice_fiscale(number: str) -> bool:
    odd = dict(zip("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", _CODICE_ODD, strict=True))
    total = sum(odd[c] if at % 2 == 0 else int(c, 36) - (10 if c.isalpha() else 0) for at, c in enumerate(number[:15]))
    return chr(ord("A") + total % 26) == number[15]


_CODICE_ODD = (
    (1, 0, 5, 7, 9, 13, 15, 17, 19, 21)  # 0 to 9
    + (1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23)  # A to Z
)


def _is_cpf(number: str) -> bool:
    def digit(count: int) -> int:
        total = sum(int(number[at]) * (count + 1 - at) for at in range(count))
        return total * 10 % 11 % 10

    return len(set(number)) > 1 and (digit(9), digit(10)) == (int(number[9]), int(number[10]))


def _is_steuer_id(number: str) -> bool:
    product = 10
    for digit in number[:10]:
        rest = (int(digit) + product) % 10 or 10
        product = rest * 2 % 11
    return number[0] != "0" and (11 - product) % 10 == int(number[10])


def _is_aadhaar(number: str) -> bool:
    """Verhoeff's check, over the dihedral group of order ten."""
    check = 0
    for place, digit in enumerate(reversed(number)):
        value = int(digit)
        for _ in range(place % 8):
            value = _VERHOEFF_STEP[value]
        check = _dihedral(check, value)
    return check == 0 and number[0] not in "01"


_VERHOEFF_STEP = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)


def _dihedral(one: int, other: int) -> int:
    if one < 5:
        return (one + other) % 5 + (0 if other < 5 else 5)
    return (one - other) % 5 + (5 if other < 5 else 0)


_NUMBERS = (
    _Number("en", r"[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z][ ]?[0-9]{2}[ ]?[0-9]{2}[ ]?[0-9]{2}[ ]?[A-D]",
            ("national insurance", "ni number", "nino", "insurance number"), lambda number: True),
    _Number("es", r"[XYZ]?[0-9]{7,8}-?[A-HJ-NP-TV-Z]", ("dni", "nif", "nie", "identidad"), _is_nif),
    _Number("it", r"[A-Z]{6}[0-9]{2}[A-EHLMPRST][0-9]{2}[A-Z][0-9]{3}[A-Z]", (), _is_codice_fiscale),
    _Number("pl", r"[0-9]{11}", ("pesel",),
            lambda number: (10 - _weighted(number, "1379137913") % 10) % 10 == int(number[10])),
    _Number("fr", r"[12][ ]?[0-9]{2}[ ]?[0-9]{2}[ ]?[0-9]{2}[ ]?[0-9]{3}[ ]?[0-9]{3}[ ]?[0-9]{2}",
            ("sécurité sociale", "securite sociale", "nir", "sécu", "insee"),
            lambda number: 97 - int(number[:13]) % 97 == int(number[13:])),
    _Number("nl", r"[0-9]{9}", ("bsn", "burgerservicenummer", "sofinummer"),
            lambda number: (_weighted(number, "98765432") - int(number[8])) % 11 == 0),
    _Number("pt", r"[0-9]{3}\.[0-9]{3}\.[0-9]{3}-[0-9]{2}", (), _is_cpf),
    _Number("pt", r"[0-9]{11}", ("cpf",), _is_cpf),
    _Number("de", r"[0-9]{2}[ ]?[0-9]{3}[ ]?[0-9]{3}[ ]?[0-9]{3}",
            ("steuer-id", "steuer-?identifikationsnummer", "steuernummer", "idnr", "tax id"), _is_steuer_id),
    _Number("en", r"[0-9]{4}[ ]?[0-9]{4}[ ]?[0-9]{4}", ("aadhaar", "aadhar", "uidai", "uid"), _is_aadhaar),
)  # fmt: skip


class NationalIdRecognizer(LinearRecognizer):
    """One country's numbers, after a word that says so unless nothing else is written like them."""

    def __init__(self, number: _Number) -> None:
        regex = rf"(?:^|[^0-9A-Za-z_.+-])({number.form})"
        super().__init__("NATIONAL_ID", [Form("national id", regex, 0.9)], hint=number.form, cues=number.cues)
        self._is_right = number.is_right

    def judge(self, text: str, span: Span) -> Span | None:
        start, end, score = span
        if end < len(text) and is_word(text[end]):
            return None
        if self.context and not self.has_cue(text, start):
            return None
        return (start, end, score) if self._is_right(re.sub(r"[ .-]", "", text[start:end])) else None


def national_ids(languages: Sequence[str] = ()) -> list[NationalIdRecognizer]:
    """One for each country in which one of these languages is spoken."""
    return [NationalIdRecognizer(number) for number in _NUMBERS if not languages or number.language in languages]
