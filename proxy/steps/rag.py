"""Rewrite and filter: passages of the tenant's documents, behind the user's own words in the turns that ask.

A turn is given its passages when it is to be answered, and the same ones again as long as it stays in the
conversation, so that what a request begins with stays what it was. Turns that only carry tools' results get none, and
none gets what an earlier one holds.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from proxy.call import Call, Headers, Wanted
from proxy.errors import InvalidRequest, Unavailable
from proxy.formats.splice import Path
from proxy.knowledge.shelf import Shelf, ShelfDown
from proxy.knowledge.tool import offering
from proxy.knowledge.turns import asking, citing, control, memory, rendering
from proxy.knowledge.turns.asking import Turn
from proxy.knowledge.turns.memory import Given
from proxy.knowledge.turns.rendering import Extract
from proxy.stream import Chain, Filter


class PassagesUnavailable(Unavailable):
    """A collection without which requests are not to be answered cannot be searched."""


@dataclass(frozen=True, slots=True)
class Informed:
    """A call with the passages it is given, and what its client is told of them."""

    call: Call
    told: Headers = field(default=())
    cited: Filter = field(default_factory=Chain)
    """Counts which of the passages the answer cites."""
    searched: Wanted | None = None
    """What the model is to search by itself, instead of being given passages."""

    def headers(self, headers: Headers) -> Headers:
        """The reply's headers, with what was looked up."""
        return [*headers, *self.told]


async def inform(call: Call, shelf: Shelf) -> Informed:
    """The call with its passages; itself where there is nothing to give. Raises InvalidRequest, PassagesUnavailable."""
    wanted = _wanted(call)
    passages = call.caller.passages
    if wanted is None or passages is None:
        return Informed(call)
    if wanted.tool and offering.fits(call.document.value):
        return Informed(call, searched=wanted)
    turns = asking.read(call.document.value["messages"], passages.secret)
    if not turns:
        return Informed(call)
    started = time.perf_counter()
    try:
        found = await _found(call, wanted, turns, shelf)
    except ShelfDown as down:
        call.trace.note("rag", started, collections=list(wanted.collections), failed=str(down))
        if any(passages.collections[name] for name in wanted.collections):
            raise PassagesUnavailable(f"The documents cannot be searched now: {down}") from None
        return Informed(call, _told(wanted, (), started, b"unavailable"))
    shown = memory.shown(turns, found.given)
    now = shown.get(turns[-1].content) if turns[-1].is_open else None
    call.trace.note(
        "rag",
        started,
        collections=list(wanted.collections),
        passages=found.facts,
        turns=len([one for one in shown.values() if one.extracts]),
    )
    informed = replace(call, document=call.document.append(_blocks(call, wanted, shown)))
    extracts = [extract for one in shown.values() for extract in one.extracts]
    cited = citing.Cited(call.trace, extracts) if extracts else Chain()
    return Informed(informed, _told(wanted, now.extracts if now else (), started, b""), cited)


def _wanted(call: Call) -> Wanted | None:
    header = b",".join(call.inbound.all(control.HEADER.encode())).decode("latin-1")
    try:
        wanted = control.wanted(header, call.caller.passages)
    except control.BadControl as bad:
        raise InvalidRequest(f"{control.HEADER}: {bad}") from None
    # What is counted is what the client sends, unless it asks for what would be sent.
    return wanted if header.strip() or call.endpoint == "messages" else None


@dataclass(frozen=True, slots=True)
class _Found:
    given: Mapping[bytes, Given]
    facts: Sequence[Mapping[str, Any]] = ()


async def _found(call: Call, wanted: Wanted, turns: Sequence[Turn], shelf: Shelf) -> _Found:
    """What each turn is given: the open one what is found now, the others what they were given before."""
    caller = call.caller
    usable = caller.passages.collections if caller.passages else {}
    given = memory.usable(await shelf.recall(caller.tenant.id, [turn.digest for turn in turns]), usable)
    turn = turns[-1]
    if not turn.is_open:
        return _Found(given)
    passages = await shelf.find(caller.tenant.id, wanted, turn.question, caller.privacy)
    extracts = {rendering.extract(passage): passage for passage in passages}
    now = Given(wanted.form, rendering.fitting(extracts, wanted.max_tokens))
    if not call.is_dry_run and given.get(turn.digest) != now:
        await shelf.remember(caller.tenant.id, turn.digest, now)
    return _Found({**given, turn.digest: now}, [rendering.facts(extracts[one], one) for one in now.extracts])


def _blocks(call: Call, wanted: Wanted, shown: Mapping[Path, Given]) -> dict[Path, list[dict[str, Any]]]:
    citations = citing.is_asked(call.document.value, wanted=wanted.citations)
    return {path: rendering.blocks(one.extracts, one.form, citations=citations) for path, one in shown.items()}


def _told(wanted: Wanted, extracts: Sequence[Extract], started: float, failed: bytes) -> Headers:
    told = [
        (b"x-llmp-rag", ",".join(wanted.collections).encode()),
        (b"x-llmp-rag-passages", str(len(extracts)).encode()),
        (b"x-llmp-rag-ms", f"{(time.perf_counter() - started) * 1000:.1f}".encode()),
    ]
    return [*told, (b"x-llmp-rag-error", failed)] if failed else told
