"""What a step does to an answer on its way up: one event after the other, or the whole document at once."""

from collections.abc import Iterable, Sequence
from typing import Protocol

from proxy.formats.document import Document
from proxy.formats.sse import Event


class Filter(Protocol):
    """One step's view of one answer. A subclass that leaves a method out passes things on unchanged.

    A stream and a whole answer must come to the same: what `feed` and `finish` do to events, `document` does to
    the JSON. Whatever `feed` holds back, it or `finish` gives back. Events it does not know pass unchanged, those
    without a name too: they carry bytes of the stream. Raising ends the answer with an error; a filter that gave it
    an ending of its own says so by `is_over`.
    """

    is_over: bool = False
    """Whether it ended the answer by what it gave last: nothing more is asked of the upstream."""

    def feed(self, event: Event) -> Iterable[Event]:
        """What goes on in place of this event."""
        return (event,)

    def finish(self) -> Iterable[Event]:
        """What is still to be sent when the stream has ended."""
        return ()

    def document(self, body: Document) -> Document:
        """The whole answer, where it did not come as a stream."""
        return body


class Chain(Filter):
    """Filters in a row, as one: each sees what the one before it let through. One that ended it all was the last."""

    def __init__(self, filters: Sequence[Filter] = ()) -> None:
        # A step without work gives an empty chain: it costs nothing for each event.
        self._filters: tuple[Filter, ...] = tuple(one for one in filters if type(one) is not Chain or one._filters)

    @property
    def is_over(self) -> bool:  # type: ignore[override]
        """Whether one of them ended the answer."""
        return any(one.is_over for one in self._filters)

    def feed(self, event: Event) -> Iterable[Event]:
        events: Iterable[Event] = (event,)
        for one in self._filters:
            events = [out for each in events for out in one.feed(each)]
        return events

    def finish(self) -> Iterable[Event]:
        events: list[Event] = []
        for one in self._filters:
            events = [out for each in events for out in one.feed(each)]
            events += one.finish()
        return events

    def document(self, body: Document) -> Document:
        for one in self._filters:
            body = one.document(body)
        return body
