"""Rewrite and filter: personal data and secrets are replaced before a call leaves, and put back in its answer.

What comes out is another type than what goes in: nothing else may be kept, routed or sent.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

from proxy.call import Call, CleanCall, Headers, Privacy
from proxy.errors import Refused, Unavailable
from proxy.formats import texts
from proxy.formats.document import Document
from proxy.formats.texts import Leaf, Texts
from proxy.privacy import replacing, spreading
from proxy.privacy.answers import Restore
from proxy.privacy.counting import Counted, Counting
from proxy.privacy.detection.detector import DetectionTimedOut, DetectionUnavailable, Detector, Found
from proxy.privacy.placeholders import Placeholders
from proxy.privacy.replacing import Tally
from proxy.privacy.restoring import Restorer
from proxy.privacy.rules import Mode, Rules
from proxy.privacy.scanning import Scanned, Search, Source
from proxy.stream import Chain, Filter
from tenants import entities

_AT_ONCE = 64  # texts that are given to detection together


class PersonalDataFound(Refused):
    """The request holds types that may not be sent. Their names are told, never their values."""

    status = 451  # clients show its message after one request; to a 400 they send other forms of the same
    type = "invalid_request_error"
    headers = {"x-should-retry": "false"}


class NotReadable(PersonalDataFound):
    """The request holds an image, a document or a block that cannot be searched, and the tenant lets none through."""


class PrivacyUnavailable(Unavailable):
    """The request could not be searched, and what was not searched is not sent."""


@dataclass(frozen=True, slots=True)
class Scrubbed:
    """A call that may leave, and what its answer goes through on its way back."""

    call: CleanCall
    restore: Filter = field(default_factory=Chain)
    found: str = ""
    stand_ins: Placeholders | None = None
    types: Sequence[str] = ()  # of all that was found, whatever was done about it
    search: Search | None = None
    counting: Counting | None = None

    def searched(self, answer: Source) -> Source:
        """The answer, its own personal data treated as the tenant wants it."""
        if self.search is None:
            return answer
        tell = partial(self._tell, self.search)
        if self.counting is not None and answer.is_stream:
            return Counted(answer, self.counting, tell)
        return Scanned(answer, self.search, tell)

    def _tell(self, search: Search) -> None:
        failed = {"failed": True} if search.has_failed else {}
        self.call.trace.note("pii_output", time.perf_counter(), found=search.tally.by_type, **failed)

    def owns(self, entity_type: str, code: str) -> bool:
        """Whether this is a placeholder of the request's own."""
        behind = self.stand_ins.behind(code) if self.stand_ins is not None else None
        return behind is not None and behind[0] == entity_type

    def headers(self, headers: Headers) -> Headers:
        """The reply's headers, with what was found."""
        return [*headers, (b"x-llmp-pii", self.found.encode())] if self.found else headers


async def scrub(call: Call, detector: Detector) -> Scrubbed:
    """The call without what its tenant keeps back. Raises PersonalDataFound, NotReadable, PrivacyUnavailable."""
    privacy = call.caller.privacy
    if privacy is None:
        return Scrubbed(_clean(call, call.document))
    started = time.perf_counter()
    tally = Tally()
    rules = privacy.rules
    read = _read(call, rules)
    facts = {"attachments": dict(Counter(read.attachments)), "unknown": len(read.unknown)}
    try:
        _check_readable(read, rules)
        found, failure = await _find(read.leaves, privacy, detector)
        stand_ins = Placeholders(privacy.key or b"")
        known = spreading.spread(read.leaves, found)
        changes = replacing.replaced(read.leaves, known, rules.mode_of, stand_ins, tally)
        _check_allowed(tally)
    finally:
        call.trace.note("pii", started, found=tally.by_type, **{name: fact for name, fact in facts.items() if fact})
    if failure:
        call.trace.note("pii_failed_open", time.perf_counter(), reason=failure)
    clean = _clean(call, call.document.edit(changes))
    restore = _restore(call, stand_ins, rules) if len(stand_ins) else Chain()
    is_searched = rules.reads_answers and call.endpoint == "messages" and privacy.key is not None
    search = Search(privacy, detector) if is_searched else None
    counting = Counting(search) if search is not None and not search.changes_text else None
    # Counted before values are put back: what the client sent is no news.
    back = restore if counting is None else Chain([counting, restore])
    return Scrubbed(clean, back, tally.header(), stand_ins, tuple(sorted(tally.types)), search, counting)


def _read(call: Call, rules: Rules) -> Texts:
    try:
        return texts.of_request(call.document.value, scans_unknown=rules.unknown_blocks == "scan")
    except texts.TooManyTexts:
        raise NotReadable(
            f"messages: this request holds more than {texts.MAX_LEAVES:,} texts, too many to be searched for personal "
            "data. Join them, or begin a new conversation."
        ) from None


def _clean(call: Call, document: Document) -> CleanCall:
    return CleanCall(
        inbound=call.inbound,
        caller=call.caller,
        endpoint=call.endpoint,
        document=document,
        model=call.model,
        is_streaming=call.is_streaming,
        is_dry_run=call.is_dry_run,
        trace=call.trace,
        asked=call.document,
    )


async def _find(leaves: Sequence[Leaf], privacy: Privacy, detector: Detector) -> tuple[Sequence[Found], str]:
    """What was found in each text, and why nothing was, where the tenant sends what could not be searched."""
    if not privacy.rules.reads_requests:
        return [()] * len(leaves), ""
    if privacy.key is None:
        raise PrivacyUnavailable("The key for this tenant's placeholders cannot be opened. Tell your administrator.")
    try:
        async with asyncio.timeout(detector.deadline_seconds):
            return await _found(leaves, privacy.rules, privacy.key, detector), ""
    except (TimeoutError, DetectionTimedOut, DetectionUnavailable) as failed:
        if privacy.rules.on_failure == "closed":
            why = str(failed) or f"It took longer than {detector.deadline_seconds:g} s."
            raise PrivacyUnavailable(f"The request could not be searched for personal data. {why}") from None
        return [()] * len(leaves), type(failed).__name__


async def _found(leaves: Sequence[Leaf], rules: Rules, key: bytes, detector: Detector) -> Sequence[Found]:
    """A few texts at a time: a request of thousands that nobody has seen before lets others have their turn."""
    found: list[Found] = []
    for begin in range(0, len(leaves), _AT_ONCE):
        found += await detector.find([leaf.text for leaf in leaves[begin : begin + _AT_ONCE]], rules, key)
    return found


def _check_readable(read: Texts, rules: Rules) -> None:
    if rules.attachments == "refuse" and read.attachments:
        kinds = ", ".join(sorted(set(read.attachments)))
        raise NotReadable(
            f"messages: this request holds what cannot be searched for personal data ({kinds}). "
            "Your organisation sends text only: give the content as text."
        )
    if rules.unknown_blocks == "block" and read.unknown:
        raise NotReadable(
            "messages: this request holds a field or a block type that this gateway does not know, and so cannot "
            "search for personal data. Your organisation lets none of them through."
        )


def _check_allowed(tally: Tally) -> None:
    if blocked := tally.types_of(Mode.BLOCK):
        found = [
            {"type": name, "count": tally.by_type[name]["count"], "places": tally.by_type[name]["places"]}
            for name in blocked
        ]
        words = ", ".join(f"{one['type']} ({one['count']})" for one in found)
        raise PersonalDataFound(
            f"messages: this request holds {words}, which your organisation does not let out. "
            "Take it out of the conversation and ask again.",
            details={"found": found},
        )


def _restore(call: Call, stand_ins: Placeholders, rules: Rules) -> Restore:
    kept_in_inputs = () if rules.restores_secrets else entities.SECRETS
    restorer = Restorer(stand_ins, kept_in_text=entities.SECRETS, kept_in_inputs=kept_in_inputs)
    return Restore(restorer, lambda counts: call.trace.note("restore", time.perf_counter(), **counts))
