"""Hold and filter: what a call said, left with the keeper on every ending, where its tenant keeps text.

The request is kept as it was judged, but for personal data that the tenant keeps back, and the answer as the upstream
gave it, before values are put back: nothing of it holds a value that may not be kept.
"""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace
from datetime import datetime
from types import TracebackType
from typing import Protocol, TypeVar

from proxy.call import Call, CleanCall, Trace
from proxy.errors import Refused
from proxy.formats.document import Document
from proxy.formats.sse import Event
from proxy.stream import Chain, Filter
from proxy.transcripts.keeper import MOST_ANSWER_BYTES, MOST_REQUEST_BYTES, Keeper, Taken
from proxy.transcripts.sealing import Said


class Scrubbed(Protocol):
    """A call without personal data, and the types that were found."""

    @property
    def call(self) -> CleanCall: ...

    @property
    def types(self) -> Iterable[str]: ...


Clean = TypeVar("Clean", bound=Scrubbed)
Scrub = Callable[[Call], Awaitable[Scrubbed]]


class taken:
    """One call's text, from its request on. Nothing of it happens for tenants that keep none."""

    def __init__(self, keeper: Keeper, started_at: datetime, scrub: Scrub) -> None:
        self._keeper = keeper
        self._started_at = started_at
        self._scrub = scrub
        self._call: Call | None = None
        self._clean: Said | None = None
        self._answer = _Answer()

    async def __aenter__(self) -> "taken":
        return self

    def ask(self, call: Call) -> Call:
        """The same call, which is about to be judged. Of one in several rounds the last holds all."""
        self._call, self._clean, self._answer = None, None, _Answer()
        is_kept = call.caller.tenant.transcripts is not None and call.endpoint == "messages" and not call.is_dry_run
        if is_kept and len(call.document.raw) <= MOST_REQUEST_BYTES:
            self._call = call
        return call

    def clean(self, scrubbed: Clean) -> Clean:
        """The same again: the call without personal data. If no rule changed it, that spares doing it once more."""
        if self._call is not None and scrubbed.call.asked is self._call.document:
            self._clean = _said(scrubbed)
        return scrubbed

    @property
    def answer(self) -> Filter:
        """What takes down the answer."""
        return Chain() if self._call is None else self._answer

    async def __aexit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _where: TracebackType | None
    ) -> None:
        call, rules = self._call, self._call.caller.tenant.transcripts if self._call else None
        if call is None or rules is None:
            return
        said = self._clean
        self._keeper.offer(
            Taken(
                request_id=call.inbound.request_id,
                tenant_id=call.caller.tenant.id,
                started_at=self._started_at,
                key=rules.key,
                said=said or Said(b""),
                scrub=None if said else self._scrubbing(call),
                stream=self._answer.pieces,
                document=self._answer.whole,
                bytes=len(call.document.raw) + self._answer.size,
            )
        )

    def _scrubbing(self, call: Call) -> Callable[[], Awaitable[Said | None]]:
        async def scrub() -> Said | None:
            try:
                return _said(await self._scrub(replace(call, trace=Trace())))
            except Refused:  # it holds what may not be sent, or could not be searched: then it may not be kept
                return None

        return scrub


def _said(scrubbed: Scrubbed) -> Said | None:
    """None where it was sent without being searched."""
    call = scrubbed.call
    if any(name == "pii_failed_open" for name, _micros, _facts in call.trace.steps):
        return None
    return Said(call.document.raw, metadata=call.caller.metadata, types=tuple(scrubbed.types))


class _Answer(Filter):
    """Passes everything on, and remembers its bytes; none of one that is too long."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.whole = b""
        self.size = 0
        self._is_too_long = False

    def feed(self, event: Event) -> Iterable[Event]:
        """The same event."""
        if not self._is_too_long:
            self.pieces.append(event.raw)
            self.size += len(event.raw)
            if self.size > MOST_ANSWER_BYTES:
                self.pieces, self.size, self._is_too_long = [], 0, True
        return (event,)

    def document(self, body: Document) -> Document:
        """The same document."""
        if len(body.raw) <= MOST_ANSWER_BYTES:
            self.whole, self.size = body.raw, len(body.raw)
        return body
