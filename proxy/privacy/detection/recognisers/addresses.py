"""Streets with a house number, by the words that streets are called with in several languages."""

from proxy.privacy.detection.recognisers.base import Form, LinearRecognizer, Span

_W = "[0-9A-Za-z\u00c0-\u024f'’.-]"
_CAPITAL = "[A-Z\u00c0-\u00de\u0141\u015a\u0179\u017b\u010c\u0160\u017d]"
_NUMBER = r"[0-9]{1,5}(?:[ ]?[A-Za-z]\b)?(?:[/-][0-9]{1,4})?"
_ENGLISH = (
    r"(?:Street|St|Avenue|Ave|Road|Rd|Lane|Ln|Drive|Dr|Boulevard|Blvd|Way|Court|Ct|Place|Pl|Square|Sq|Terrace|Parkway"
    r"|Pkwy|Crescent|Close|Highway|Hwy|Circle|Trail|Row|Mews|Grove|Gardens|Alley|Plaza|Nagar|Marg)"
)
_BEFORE = (
    r"(?:[Rr]ue|[Aa]venue|[Bb]oulevard|[Cc]hemin|[Ii]mpasse|[Pp]lace|[Aa]llée|[Rr]oute|[Qq]uai|[Cc]ours"
    r"|Via|Viale|Piazza|Piazzetta|Corso|Strada|Largo|Vicolo|Contrada|Borgo|[Cc]alle|C/|[Aa]venida"
    r"|Avda\.|Av\.|[Pp]laza|[Pp]aseo|[Rr]onda|[Rr]ambla|[Cc]amino|[Cc]arretera|[Cc]uesta|[Gg]lorieta"
    r"|[Pp]asaje|[Cc]allejón|[Aa]lameda|[Uu]rbanización|[Rr]ua|[Tt]ravessa|[Pp]raça|[Ee]strada"
    r"|[Rr]odovia|ul\.|ulica|al\.|aleja|pl\.|plac|os\.)"
)
_SUFFIX = (
    r"(?:straße|strasse|str\.|weg|platz|allee|gasse|ring|damm|ufer|straat|laan|plein|gracht|kade|singel|dreef|steeg|dijk"
    r"|gatan|vägen|gränd|torget|stigen|vej|gade|katu|tie|utca)"
)
# What may follow: a flat, then postcode and town.
_TAIL = (
    r"(?:,?[ ](?:Apt|Apartment|Suite|Unit|Flat|Floor|Piso|Piano|Appartamento|App|Etage|étage)\.?[ ]?[0-9A-Za-z]{1,5})?"
    rf"(?:,?[ \n][0-9]{{2,5}}[ -]?[0-9]{{0,4}}[ ]{_CAPITAL}{_W}+(?:[ -]{_CAPITAL}{_W}+)?"
    rf"|,[ ]{_CAPITAL}{_W}+(?:[ ]{_CAPITAL}{_W}+)?,?[ ][A-Z]{{2,3}}[ ][0-9][0-9A-Z]{{2,4}}(?:[ -][0-9A-Z]{{3,4}})?)?"
)
_FORMS = (
    Form("number first", rf"\b({_NUMBER},?[ ](?:{_CAPITAL}{_W}*[ ]){{1,4}}{_ENGLISH}\b\.?{_TAIL})", 0.75),
    Form(
        "number, rue",
        rf"\b({_NUMBER},?[ ](?:bis[ ]|ter[ ])?{_BEFORE}[ ](?:{_W}+[ ]){{0,4}}{_CAPITAL}{_W}+{_TAIL})",
        0.75,
    ),
    Form(
        "via, number", rf"\b({_BEFORE}[ ](?:{_W}+[ ]){{0,4}}{_CAPITAL}?{_W}+,?[ ](?:n[.º°]?[ ]?)?{_NUMBER}{_TAIL})", 0.7
    ),
    Form("straße number", rf"\b({_CAPITAL}{_W}*[ -]?(?:{_CAPITAL}{_W}*[ -])?{_SUFFIX}[ ]{_NUMBER}{_TAIL})", 0.75),
)
_HINT = (
    rf"[0-9][A-Za-z]?,?[ ][^\n]{{1,80}}\b{_ENGLISH}\b|\b{_BEFORE}[ ][^\n]{{1,80}}[0-9]"
    rf"|[0-9],?[ ](?:bis[ ]|ter[ ])?{_BEFORE}[ ]|{_SUFFIX}[ ][0-9]"
)


class StreetRecognizer(LinearRecognizer):
    """An address has a street's word and a number; the town and the postcode beside it belong to it."""

    def __init__(self) -> None:
        super().__init__("ADDRESS", _FORMS, hint=_HINT)

    def judge(self, text: str, span: Span) -> Span | None:
        start, end, score = span
        if start and text[start - 1] in "./-_$#@=\\:":
            return None
        return start, start + len(text[start:end].rstrip(" .,")), score
