"""How far a document is, and where a passage stands: `{% load documents %}`."""

from typing import Any

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from proxy.knowledge.models import Document

register = template.Library()

Status = Document.Status
_STAGES = (Status.PARSING, Status.CHUNKING, Status.EMBEDDING)
_WORDS = {
    Status.QUEUED: ("none", "Waiting"),
    Status.PARSING: ("info", "Reading"),
    Status.CHUNKING: ("info", "Cutting"),
    Status.EMBEDDING: ("info", "Embedding"),
    Status.INDEXED: ("good", "Ready"),
    Status.FAILED: ("bad", "Failed"),
    Status.CANCELLED: ("none", "Cancelled"),
}
_WIDTH, _GAP = 26, 3


@register.simple_tag
def document_state(document: Document) -> SafeString:
    """A dot with its word, and while it is read a bar of the three steps."""
    tone, word = _WORDS[Status(document.status)]
    if document.status == Status.EMBEDDING:
        word = f"{word} {document.progress} %"
    dot = format_html('<span class="status {}">{}</span>', tone, word)
    return dot if document.status not in _STAGES else format_html("{}{}", dot, _bar(document))


def _bar(document: Document) -> SafeString:
    at = _STAGES.index(Status(document.status))
    shares = [1.0] * at + [document.progress / 100 if document.status == Status.EMBEDDING else 0.5]
    shares += [0.0] * (len(_STAGES) - len(shares))
    step = _WIDTH + _GAP
    rects = format_html_join(
        "",
        '<rect class="whole" x="{}" width="{}" height="4" rx="2"/><rect x="{}" width="{}" height="4" rx="2"/>',
        ((n * step, _WIDTH, n * step, f"{share * _WIDTH:.1f}") for n, share in enumerate(shares)),
    )
    return format_html('<svg class="stages" viewBox="0 0 {} 4" aria-hidden="true">{}</svg>', 3 * step - _GAP, rects)


@register.filter
def place(passage: Any) -> str:
    """`page 12 · Leave › Parental leave` of a passage; its number where it has neither."""
    page = f"page {passage.page}" if passage.page else ""
    return " · ".join(filter(None, (page, passage.heading))) or f"passage {passage.ordinal + 1}"
