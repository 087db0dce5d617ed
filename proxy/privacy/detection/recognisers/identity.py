"""Numbers that a state gives to a person."""

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
