"""E-mail addresses and phone numbers."""

import phonenumbers
import tldextract

from proxy.privacy.detection.recognisers.base import Form, LinearRecognizer, Span, is_word

# The list inside the package. Without this tldextract would fetch a new one, and keep it in the home directory.
_SUFFIXES = tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None, include_psl_private_domains=False)
# Suffixes of networks that no registry knows; people have addresses there all the same.
_INTERNAL = frozenset({"internal", "local", "localdomain", "corp", "lan", "intranet", "example", "test", "invalid"})
# Nobody's: programs write and clone with them.
_NOBODY = frozenset({"git", "hg", "svn", "noreply", "no-reply", "donotreply", "do-not-reply", "mailer-daemon"})
# Letters and digits up to Greek Extended: punctuation and scripts without spaces stay outside.
_W = "0-9A-Za-z\u00c0-\u1fff"
_EMAIL = rf"[{_W}_][{_W}._%+'’-]*@(?:[{_W}](?:[{_W}-]*[{_W}])?\.)+(?:[{_W}]{{2,24}}|xn--[0-9A-Za-z-]{{2,59}})"
_MAX_LOCAL_CHARS = 64
_MAX_DOMAIN_CHARS = 253


class EmailRecognizer(LinearRecognizer):
    """Addresses whose suffix exists; not those of programs (`git@`, `noreply@`)."""

    def __init__(self) -> None:
        super().__init__("EMAIL_ADDRESS", [Form("e-mail", _EMAIL, 0.9)], hint="@")

    def judge(self, text: str, span: Span) -> Span | None:
        start, end, score = span
        local, _, domain = text[start:end].rpartition("@")
        if len(local) > _MAX_LOCAL_CHARS or len(domain) > _MAX_DOMAIN_CHARS:
            return None
        if local.lower() in _NOBODY or (end < len(text) and text[end] == "@"):
            return None
        suffix = domain.rpartition(".")[2].lower()
        if suffix not in _INTERNAL and not _SUFFIXES(domain).suffix:
            return None
        return start, end, score


_CUES = (
    "phones?", "phone number", "tel", "telephone", "mobile", "mobil", "cell", "cellphone", "fax", "call", "called",
    "dial", "ring", "text", "sms", "whatsapp", "signal", "reach", "contact", "number is", "telefon", "telefono",
    "teléfono", "téléphone", "telefone", "telefoonnummer", "handy", "móvil", "movil", "portable", "celular",
    "cellulare", "numer", "komórka", "telefonnummer", "nummer", "gsm", "puhelin", "phone_number", "phonenumber", "mob",
)  # fmt: skip
_INTERNATIONAL = (
    r"(?:^|[^0-9A-Za-z+.])(\+[1-9][0-9]{0,2}(?:[ .\-/]?\(?[0-9]{1,5}\)?){1,7}(?: ?(?:x|ext\.?) ?[0-9]{1,6})?)"
)
_NORTH_AMERICAN = (
    r"(?:^|[^0-9A-Za-z.+/-])((?:1[ .-])?(?:\([2-9][0-9]{2}\) ?|[2-9][0-9]{2}[ .-])[2-9][0-9]{2}[ .-][0-9]{4}"
    r"(?: ?(?:x|ext\.?) ?[0-9]{1,6})?)"
)
_NATIONAL = r"(?:^|[^0-9A-Za-z.+/-])(\(?0[1-9][0-9]{0,4}\)?(?:[ ./\-]\(?[0-9]{2,8}\)?){1,6})"
_CUED = r"(?:^|[^0-9A-Za-z.+/-])(\+?\(?[0-9](?:[ .\-/()]{0,2}[0-9]){6,16}(?: ?(?:x|ext\.?) ?[0-9]{1,6})?)"


class PhoneRecognizer(LinearRecognizer):
    """Numbers written as phone numbers are, or after a word that says so."""

    def __init__(self) -> None:
        forms = [
            Form("international", _INTERNATIONAL, 0.75),
            Form("north american", _NORTH_AMERICAN, 0.7),
            Form("national", _NATIONAL, 0.55),
            Form("after a cue", _CUED, 0.0),
        ]
        super().__init__("PHONE_NUMBER", forms, hint=r"[0-9][0-9 .\-/()]{5}", cues=_CUES)

    def judge(self, text: str, span: Span) -> Span | None:
        start, end, score = span
        if end < len(text) and is_word(text[end]):
            return None
        number = text[start:end]
        digits = sum(map(str.isdigit, number))
        cued = self.has_cue(text, start)
        if not 7 <= digits <= 15 + 6 * ("x" in number):
            return None
        if score and digits == len(number.lstrip("+")) and not cued:
            # A bare run after a plus: as often a line of a diff or a sum.
            return (
                None
                if digits < 10 or not number.startswith("+")
                else (start, end, 0.6)
                if _is_possible(number)
                else None
            )
        if number.startswith("+") and not _is_possible(number):
            return None
        if not score and not cued:
            return None
        if not score and _looks_like_something_else(text, start, end):
            return None
        return start, end, max(score, 0.85 if cued else 0)


def _is_possible(number: str) -> bool:
    try:
        return phonenumbers.is_possible_number(phonenumbers.parse(number, None))
    except phonenumbers.NumberParseException:
        return False


def _looks_like_something_else(text: str, start: int, end: int) -> bool:
    number = text[start:end]
    is_dotted_quad = number.count(".") == 3 and all(len(part) <= 3 for part in number.split("."))
    is_date = len(number) >= 8 and number[:4].isdigit() and number[4] in "-/" and number[:2] in ("19", "20")
    return is_dotted_quad or is_date
