"""What a tenant added: patterns of its own and terms that are always found."""

from proxy.privacy.detection import linear
from proxy.privacy.detection.recognisers.base import Form, LinearRecognizer, Span, is_word
from proxy.privacy.rules import DENIED, CustomRecogniser

_UNCUED_PART = 0.6


class CustomRecognizer(LinearRecognizer):
    """A tenant's pattern. With context words, a match without one of them nearby scores less."""

    def __init__(self, own: CustomRecogniser) -> None:
        cues = tuple(linear.literal(word) for word in own.context)
        super().__init__(own.name, [Form(own.name, own.regex, own.score)], hint=own.regex, cues=cues)

    def judge(self, text: str, span: Span) -> Span | None:
        start, end, score = span
        if start == end:
            return None
        if self.context and not self.has_cue(text, start):
            score *= _UNCUED_PART
        return start, end, score


class TermRecognizer(LinearRecognizer):
    """The deny-list: whole words, in any case."""

    def __init__(self, terms: tuple[str, ...]) -> None:
        longest_first = sorted({term for term in terms if term}, key=lambda term: (-len(term), term))
        regex = f"(?i)(?:{'|'.join(linear.literal(term) for term in longest_first)})"
        super().__init__(DENIED, [Form("deny-list", regex, 1.0)], hint=regex)

    def judge(self, text: str, span: Span) -> Span | None:
        start, end, _ = span
        is_inside = (start > 0 and is_word(text[start - 1]) and is_word(text[start])) or (
            end < len(text) and is_word(text[end]) and is_word(text[end - 1])
        )
        return None if is_inside else span
