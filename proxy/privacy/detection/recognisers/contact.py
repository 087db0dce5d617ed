"""E-mail addresses and phone numbers."""

import re
from collections.abc import Sequence

import phonenumbers
import tldextract

from proxy.privacy.detection.recognisers.base import Form, LinearRecognizer, Span, Words, cue_pattern, is_word, spoken

# The list inside the package. Without this tldextract would fetch a new one, and keep it in the home directory.
_SUFFIXES = tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None, include_psl_private_domains=False)
# Suffixes of networks that no registry knows; people have addresses there all the same.
_INTERNAL = frozenset({"internal", "local", "localdomain", "corp", "lan", "intranet", "example", "test", "invalid"})
# Nobody's: programs write and clone with them.
_NOBODY = frozenset({"git", "hg", "svn", "noreply", "no-reply", "donotreply", "do-not-reply", "mailer-daemon"})
# Letters and digits up to Greek Extended: punctuation and scripts without spaces stay outside.
_W = "0-9A-Za-z\u00c0-\u1fff"
_PASSWORD_BEFORE = re.compile(r"[a-z]://[^\s:/@]*:[^\s/@]*$")
_EMAIL = rf"[{_W}_][{_W}._%+'’-]*@(?:[{_W}](?:[{_W}-]*[{_W}])?\.)+(?:[{_W}]{{2,24}}|xn--[0-9A-Za-z-]{{2,59}})"
_MAX_LOCAL_CHARS = 64
_MAX_DOMAIN_CHARS = 253


class EmailAddressRecognizer(LinearRecognizer):
    """Addresses whose suffix exists; not those of programs (`git@`, `noreply@`)."""

    def __init__(self) -> None:
        super().__init__("EMAIL_ADDRESS", [Form("e-mail", _EMAIL, 0.9)], hint="@")

    def judge(self, text: str, span: Span) -> Span | None:
        start, end, score = span
        local, _, domain = text[start:end].rpartition("@")
        if _PASSWORD_BEFORE.search(text, max(0, start - 100), start):
            return None  # the password and the host of an address
        if len(local) > _MAX_LOCAL_CHARS or len(domain) > _MAX_DOMAIN_CHARS:
            return None
        if local.lower() in _NOBODY or (end < len(text) and text[end] == "@"):
            return None
        suffix = domain.rpartition(".")[2].lower()
        if suffix not in _INTERNAL and not _SUFFIXES(domain).suffix:
            return None
        return start, end, score


_SAID_SCORE = 0.85
_BARE_SCORE = 0.6
_LINE_REACH_CHARS = 80
_ROW_REACH_CHARS = 200
_CUES: Words = {
    "": ("phones?", "phone number", "phone_number", "phonenumber", "tel", "telefon", "mobile", "mobil", "mob", "fax",
         "sms", "gsm", "whatsapp"),
    "en": ("telephone", "cell", "cellphone", "landline", "hotline", "my number is",
           "(?:call|ring|reach|text|phone) (?:me|us|her|him|them)(?: back)? (?:on|at)"),
    "de": ("telefonnummer", "rufnummer", "handy", "handynummer", "festnetz", "durchwahl"),
    "fr": ("téléphone", "tél", "télécopie"),
    "it": ("telefono", "cellulare", "recapito"),
    "es": ("teléfono", "tfno", "móvil", "movil", "celular"),
    "pt": ("telefone", "telemóvel", "celular"),
    "nl": ("telefoon", "telefoonnummer", "mobiel"),
    "pl": ("komórka", "komórkowy", "telefonu"),
    "sv": ("telefonnummer", "mobilnummer"),
    "da": ("telefonnummer", "mobilnummer", "tlf"),
    "fi": ("puhelin", "puh", "matkapuhelin"),
    "cs": ("telefonní číslo", "mobilní"),
    "hr": ("mobitel",),
    "hu": ("telefonszám", "mobiltelefon"),
    "tr": ("cep", "gsm no"),
}  # fmt: skip
# These stand before other numbers too: a bare one has to look like a phone's.
_WEAK_CUES: Words = {
    "en": ("call", "called", "dial", "ring", "text", "signal", "reach", "contact", "number is"),
    "de": ("nummer", "erreichbar unter", "anrufen"),
    "fr": ("portable", "numéro", "joignable au"),
    "es": ("llamar al", "llame al", "número"),
    "it": ("numero", "chiamare"),
    "pt": ("número", "ligar para"),
    "pl": ("numer",),
    "nl": ("nummer", "bereikbaar op"),
    "sv": ("nummer",),
}  # fmt: skip
# What stands behind a number in a signature: "0306 999 0978 office", "… (fax)".
_SAID_AFTER = re.compile(r"[ ]?[-–,]?[ ]?\(?(?i:office|fax|mobile|mobil|cell|home|work|tel|phone|direct|whatsapp)\b")
# What numbers that are none are called: a bare one behind these is not taken for a phone's.
_OTHER = cue_pattern(
    ("cards?", "card_number", "cardnumber", "pan", "account", "konto", "iban", "invoice", "order", "ref", "id", "no")
)
_BARE_NUMBER = re.compile(r"00[1-9]\d{6,11}|0[1-9]\d{8,10}|[2-9]\d{9}")
_TIMESTAMP = re.compile(r"1[4-9]\d{8}")
_ROW_NUMBER = re.compile(r"\d{9,12}|\d{2,4}(?: \d{2,4}){2,4}")
_CELL_BORDER = re.compile(r"[,;|\t·•]")
_FULL_NAME = re.compile(r"(?<![\w.])[^\W\d_a-z][^\W\d_A-Z]+(?:[ '’-][^\W\d_a-z][^\W\d_A-Z]+)+(?![\w(])")
_HOUSE = re.compile(r"(?<![\w.-])\d{1,5}[A-Za-z]?(?:[/-]\d{1,4})?(?![\w.-])")
_BEFORE = r"(?:^|[^0-9A-Za-z.+/-])"
_EXTENSION = r"(?: ?(?:x|ext\.?) ?[0-9]{1,6})?"
_FORMS = (
    Form("international", rf"{_BEFORE}(\+[1-9][0-9]{{0,2}}(?:[ .\-/]?\(?[0-9]{{1,5}}\)?){{1,7}}{_EXTENSION})", 0.75),
    Form("with 00", rf"{_BEFORE}(00[1-9][0-9]{{0,2}}(?:[ .\-/]\(?[0-9]{{1,5}}\)?){{2,7}}{_EXTENSION})", 0.65),
    Form(
        "north american",
        rf"{_BEFORE}((?:1[ .-])?(?:\([2-9][0-9]{{2}}\) ?|[2-9][0-9]{{2}}[ .-])[2-9][0-9]{{2}}[ .-][0-9]{{4}}"
        rf"{_EXTENSION})",
        0.7,
    ),
    Form(
        "national", rf"{_BEFORE}(\(?0[1-9][0-9]{{0,4}}\)?(?:[ ./\-]{{1,2}}\(?[0-9]{{2,8}}\)?){{1,6}}{_EXTENSION})", 0.55
    ),
    Form("in brackets", rf"{_BEFORE}(\(0[0-9]{{1,4}}\)[ ]?[0-9]{{5,8}}{_EXTENSION})", 0.55),
    Form("in a row", r"[,;|\t][ ]?(0[0-9]{8,11})(?:[,;|\t\r\n]|$)", 0.55),
    Form("after a cue", rf"{_BEFORE}(\+?\(?[0-9](?:[ .\-/()]{{0,2}}[0-9]){{6,16}}{_EXTENSION})", 0.0),
)
_LEAST_DIGITS, _MOST_DIGITS, _MOST_EXTENSION_DIGITS = 7, 16, 6
_LEAST_UNSAID_DIGITS = 9
_SOMETHING_ELSE = re.compile(
    r"(?:\d{1,3}\.){3}\d{1,3}"  # an IP address
    r"|(?:19|20)\d\d[-/.]\d.*|\d{1,2}[-/.]\d{1,2}[-/.](?:19|20)\d\d.*"  # a date
    r"|\d{3}-\d\d-\d{4}"  # a social security number
)


class PhoneNumberRecognizer(LinearRecognizer):
    """Numbers written as phone numbers are, or where a word or an e-mail address beside them says so."""

    def __init__(self, languages: Sequence[str] = ()) -> None:
        strong, weak = spoken(_CUES, languages), spoken(_WEAK_CUES, languages)
        super().__init__("PHONE_NUMBER", _FORMS, hint=r"[0-9(][0-9 .\-/()]{6}", cues=(*strong, *weak))
        self._strong = cue_pattern(strong)

    def judge(self, text: str, span: Span) -> Span | None:
        start, end, score = span
        number = text[start:end]
        if (end < len(text) and is_word(text[end])) or not _can_be_dialled(number):
            return None
        is_grouped = not number.lstrip("+").isdigit()
        if self._is_said(text, start, end, is_grouped=is_grouped) or _SAID_AFTER.match(text, end):
            return start, end, _SAID_SCORE
        if self.has_cue(text, start, _OTHER) and not is_grouped:
            return None
        if _ROW_NUMBER.fullmatch(number) and not _TIMESTAMP.fullmatch(number) and _is_in_contact_row(text, start, end):
            return start, end, _BARE_SCORE
        if not score or not _has(number, _LEAST_UNSAID_DIGITS) or _ends_longer_number(text, start):
            return None
        if is_grouped or number[0] == "0":
            return start, end, score
        # A bare run after a plus: as often a line of a diff or a sum.
        return (start, end, _BARE_SCORE) if number[0] == "+" and _has(number, 10) else None

    def _is_said(self, text: str, start: int, end: int, *, is_grouped: bool) -> bool:
        number = text[start:end]
        if self.has_cue(text, start):
            return is_grouped or _BARE_NUMBER.fullmatch(number) is not None or self.has_cue(text, start, self._strong)
        is_long = (is_grouped or number[0] == "0") and _has(number, _LEAST_UNSAID_DIGITS)
        return is_long and "@" in _line(text, start, end) and (is_grouped or not self.has_cue(text, start, _OTHER))


def _is_in_contact_row(text: str, start: int, end: int) -> bool:
    """Whether the number fills a cell beside an e-mail address, or of a row with a full name and a house or e-mail."""
    begin = text.rfind("\n", max(0, start - _ROW_REACH_CHARS), start) + 1
    stop = text.find("\n", end, end + _ROW_REACH_CHARS)
    line = text[max(begin, start - _ROW_REACH_CHARS) : stop if stop >= 0 else end + _ROW_REACH_CHARS]
    number = text[start:end]
    cells = [cell.strip(" \"'\r") for cell in _CELL_BORDER.split(line)]
    if number not in cells or len(cells) < 2:
        return False
    at = cells.index(number)
    others = [*cells[:at], *cells[at + 1 :]]
    if "," not in line and ";" not in line and any("@" in cell for cell in cells[max(0, at - 1) : at + 2]):
        return True
    has_more = any("@" in cell or (_HOUSE.search(cell) and any(map(str.isalpha, cell))) for cell in others)
    return len(cells) > 2 and has_more and any(_FULL_NAME.search(cell) for cell in others)


def _has(number: str, digits: int) -> bool:
    return sum(map(str.isdigit, number)) >= digits


def _ends_longer_number(text: str, start: int) -> bool:
    return text[start].isdigit() and text[start - 1 : start] == " " and text[max(0, start - 2) : start - 1].isdigit()


def _can_be_dialled(number: str) -> bool:
    most = _MOST_DIGITS + (_MOST_EXTENSION_DIGITS if "x" in number else 0)
    if not _has(number, _LEAST_DIGITS) or _has(number, most + 1) or _SOMETHING_ELSE.fullmatch(number):
        return False
    if number.count("(") != number.count(")"):
        return False  # a figure and the next one in brackets
    if not number.startswith("+") or "(" in number:  # nothing else is written so, whatever country it would be in
        return True
    try:
        return phonenumbers.is_possible_number(phonenumbers.parse(number, None))
    except phonenumbers.NumberParseException:
        return False


def _line(text: str, start: int, end: int) -> str:
    """What stands around on the same line, not too far away."""
    before = text[max(0, start - _LINE_REACH_CHARS) : start].rpartition("\n")[2]
    return before + text[end : end + _LINE_REACH_CHARS].partition("\n")[0]
