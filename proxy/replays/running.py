"""A policy and the one that holds, asked about call after call."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from proxy.formats.texts import TooManyTexts
from proxy.replays.judging import judged
from proxy.replays.report import Report
from proxy.replays.sources import Cursor, Found, Unreadable
from proxy.rules import detectors
from proxy.rules.compiling import compiled

_OWN = next(iter(detectors.DETECTORS))

Document = Mapping[str, Any]


def not_asked(*documents: Document) -> list[str]:
    """The rules whose detectors are asked elsewhere than in the process: a replay leaves them out, and says so."""
    rules = [rule for document in documents for rule in document.get("rules", ())]
    return sorted({rule["name"] for rule in rules if rule["match"].get("detector", _OWN) not in detectors.DETECTORS})


def run(
    report: Report, above: Document, tried: Document, holding: Document, calls: Iterable[Found]
) -> Iterator[Cursor]:
    """Add each call to the report, and say how far that is. Stop when you like: it can be gone on with."""
    new, old = compiled(above, tried), compiled(above, holding)
    report.not_asked = not_asked(above, tried, holding)
    for call, cursor in calls:
        if isinstance(call, Unreadable):
            report.fail(call.name, call.why)
        else:
            try:
                fits = judged(new, call), judged(old, call)
            except TooManyTexts as wrong:
                report.fail(call.name, str(wrong) or "it holds too many texts")
            else:
                report.add(call.name, has_answer=call.answer is not None, tried=fits[0], holding=fits[1])
        yield cursor
