"""Payment cards, bank accounts and wallets: all have check digits."""

from collections.abc import Sequence

from presidio_analyzer.predefined_recognizers import CryptoRecognizer

from proxy.privacy.detection.recognisers.base import Form, LinearRecognizer, Span, Words, is_word, spoken

_CARD = (
    r"(?:^|[^0-9A-Za-z_.+-])([0-6][0-9]{3}(?:[ -]?[0-9]{4}){2}(?:[ -]?[0-9]{1,7})?"
    r"|3[0-9]{3}[ -]?[0-9]{6}[ -]?[0-9]{4,5})"
)
_CARD_CUES: Words = {
    "": ("cards?", "cc", "visa", "mastercard", "amex", "credit", "debit", "pan", "payment", "card_number", "cardnumber",
         "discover", "maestro"),
    "de": ("karte", "kreditkarte", "kreditkartennummer"),
    "fr": ("carte",),
    "es": ("tarjeta",),
    "it": ("carta",),
    "pt": ("cartão",),
    "pl": ("karta", "karty"),
    "nl": ("kaart", "creditcard"),
    "sv": ("kort",),
    "da": ("kort",),
    "cs": ("karta", "karty"),
    "hr": ("kartica", "kartice"),
    "fi": ("kortti",),
    "hu": ("kártya",),
    "tr": ("kart",),
}  # fmt: skip


class CardRecognizer(LinearRecognizer):
    """Numbers that an issuer gives out and whose last digit is right (Luhn)."""

    def __init__(self, languages: Sequence[str] = ()) -> None:
        cues = spoken(_CARD_CUES, languages)
        super().__init__("CREDIT_CARD", [Form("card", _CARD, 0.6)], hint=r"[0-6][0-9]{3}[ -]?[0-9]", cues=cues)

    def judge(self, text: str, span: Span) -> Span | None:
        start, end, _ = span
        if end < len(text) and (is_word(text[end]) or (text[end] in ".-" and text[end + 1 : end + 2].isdigit())):
            return None
        digits = "".join(filter(str.isdigit, text[start:end]))
        is_cued = self.has_cue(text, start)
        if not _is_issued(digits, rare=is_cued) or not _has_check_digit(digits):
            return None
        is_grouped = len(digits) < end - start
        return start, end, 1.0 if is_grouped or is_cued else 0.6


# The first digits of a number, and how long numbers of that issuer are.
_ISSUERS = (
    (range(4000, 5000), (13, 16, 19)),  # Visa
    (range(5100, 5600), (16,)),  # Mastercard
    (range(2221, 2721), (16,)),  # Mastercard's second series
    (range(3400, 3500), (15,)),  # American Express
    (range(3700, 3800), (15,)),
    (range(3000, 3060), (14, 16)),  # Diners Club
    (range(3600, 3700), (14, 16)),
    (range(3800, 4000), (14, 16)),
    (range(3500, 3600), (16,)),  # JCB
    (range(6011, 6012), (16,)),  # Discover
    (range(6440, 6600), (16,)),
    (range(6200, 6300), (16, 17, 18, 19)),  # UnionPay
)
# Too common as other numbers to be taken for cards without a word that says so.
_RARE_ISSUERS = (
    *((range(first * 100, first * 100 + 100), range(12, 20)) for first in (50, 56, 57, 58, 60, 63, 67)),  # Maestro
    (range(604, 605), (12,)),
    (range(1800, 1801), (15,)),  # JCB's old numbers
    (range(2131, 2132), (15,)),
)


def _is_issued(digits: str, *, rare: bool) -> bool:
    first = int(digits[:4])
    issuers = (*_ISSUERS, *_RARE_ISSUERS) if rare else _ISSUERS
    return any(first in series and len(digits) in lengths for series, lengths in issuers)


def _has_check_digit(digits: str) -> bool:
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + place % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


_IBAN = r"(?:^|[^0-9A-Za-z])([A-Z]{2}[0-9]{2}(?:[ -]?[0-9A-Z]{1,4}){3,9})"
# Each country of the SWIFT registry with the length of its account numbers.
_IBAN_COUNTRIES = (
    "AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 DK18 DO28 EE20 "
    "EG29 ES24 FI18 FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HN28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 "
    "KW30 KZ20 LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MN20 MR27 MT31 MU30 NI28 NL18 NO15 OM23 "
    "PK24 PL28 PS29 PT25 QA29 RO24 RS22 RU33 SA24 SC31 SD18 SE24 SI19 SK24 SM27 SO23 ST25 SV28 TL23 TN24 TR26 "
    "UA29 VA22 VG24 XK20 YE30"
)
_IBAN_LENGTHS = {entry[:2]: int(entry[2:]) for entry in _IBAN_COUNTRIES.split()}


class IbanCodeRecognizer(LinearRecognizer):
    """Account numbers of the right length for their country, with right check digits; in groups or not."""

    def __init__(self) -> None:
        super().__init__("IBAN_CODE", [Form("iban", _IBAN, 1.0)], hint=r"[A-Z]{2}[0-9]{2}[ -]?[0-9A-Z]{4}")

    def judge(self, text: str, span: Span) -> Span | None:
        start, end, score = span
        length = _IBAN_LENGTHS.get(text[start : start + 2])
        if length is None:
            return None
        stop, seen = start, 0
        while stop < end and seen < length:
            seen += text[stop].isalnum()
            stop += 1
        if seen < length or (stop < len(text) and is_word(text[stop])):
            return None
        account = "".join(filter(str.isalnum, text[start:stop]))
        rearranged = account[4:] + account[:4]
        return (start, stop, score) if int("".join(str(int(c, 36)) for c in rearranged)) % 97 == 1 else None


_WALLET = r"\b((?:bc1|[13])[0-9A-HJ-NP-Za-z]{25,59})\b"


class WalletRecognizer(LinearRecognizer):
    """Bitcoin addresses; the check sum is Presidio's."""

    def __init__(self) -> None:
        super().__init__("CRYPTO", [Form("bitcoin", _WALLET, 1.0)], hint=r"\b(?:bc1|[13])[0-9A-HJ-NP-Za-z]{25}")
        self._presidio = CryptoRecognizer()

    def judge(self, text: str, span: Span) -> Span | None:
        address = text[span[0] : span[1]]
        return span if any(map(str.isalpha, address)) and self._presidio.validate_result(address) else None
