"""Rewrite: a tool by which the model searches the tenant's documents, and what it is answered when it does.

Each search makes a further round of the call: the same request with what the model said and what was found, which
goes through the same rules, privacy and budgets, and to the same model.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from proxy.call import Call, Headers, Wanted
from proxy.errors import Unavailable
from proxy.knowledge.shelf import Shelf, ShelfDown
from proxy.knowledge.tool import calls, offering
from proxy.knowledge.tool.calls import BadCall, Sought
from proxy.knowledge.turns import citing, rendering
from proxy.knowledge.turns.citing import Cited
from proxy.knowledge.turns.rendering import Extract
from proxy.stream import Chain, Filter

MOST_ROUNDS = 6
"""In the last one the model may not call the tool any more."""
MOST_AT_ONCE = 5
"""Searches in one round."""
_TOO_MANY = f"At most {MOST_AT_ONCE} searches at once. Search again for what is still missing."


class SearchUnavailable(Unavailable):
    """A collection without which requests are not to be answered cannot be searched."""


class Searches:
    """One call's searches. `call` is the request as the client would send it, with all of them so far."""

    def __init__(self, call: Call, wanted: Wanted, shelf: Shelf) -> None:
        self.call = replace(call, document=offering.offered(call.document, wanted.collections))
        self.cited = Cited(call.trace, ())
        self.collections = wanted.collections
        self._wanted = wanted
        self._shelf = shelf
        self._given: list[Extract] = []
        self._rounds = 1

    @property
    def is_last(self) -> bool:
        """Whether no search may follow."""
        return self._rounds >= MOST_ROUNDS

    async def answer(self, message: Mapping[str, Any], *, is_begun: bool) -> Call:
        """The call of the next round, in which the searches of this message are answered.

        `is_begun`: the client has a part of the answer, so that it is the model that is told what went wrong. Raises
        SearchUnavailable.
        """
        self._rounds += 1
        asked = calls.of_message(message)
        results = [await self._result(block, is_begun=is_begun) for block in asked[:MOST_AT_ONCE]]
        results += [calls.result(block, _TOO_MANY, is_error=True) for block in asked[MOST_AT_ONCE:]]
        said = {"role": "assistant", "content": calls.said(message)}
        document = self.call.document.append({("messages",): [said, {"role": "user", "content": results}]})
        if self.is_last:
            document = document.add("tool_choice", {"type": "none"})
        self.call = replace(self.call, document=document)
        return self.call

    async def _result(self, block: Mapping[str, Any], *, is_begun: bool) -> dict[str, Any]:
        started = time.perf_counter()
        try:
            sought = calls.read(block, self._wanted.collections)
            extracts, facts = await self._found(sought)
        except BadCall as bad:
            self.call.trace.note("search", started, refused=str(bad)[:100])
            return calls.result(block, str(bad), is_error=True)
        except ShelfDown as down:
            self.call.trace.note("search", started, failed=str(down))
            if not is_begun and self._is_required():
                raise SearchUnavailable(f"The documents cannot be searched now: {down}") from None
            return calls.result(block, "The documents cannot be searched now.", is_error=True)
        self.call.trace.note("search", started, collections=list(sought.collections), passages=facts)
        new = [one for one in extracts if one not in self._given]
        self._given += new
        self.cited.add(new)
        if not new:
            return calls.result(block, calls.NOTHING_NEW if extracts else calls.NOTHING)
        citations = citing.is_asked(self.call.document.value, wanted=self._wanted.citations)
        return calls.result(block, rendering.blocks(new, self._wanted.form, citations=citations))

    async def _found(self, sought: Sought) -> tuple[Sequence[Extract], list[dict[str, Any]]]:
        caller, wanted = self.call.caller, replace(self._wanted, collections=sought.collections)
        passages = await self._shelf.find(caller.tenant.id, wanted, sought.query, caller.privacy)
        by_extract = {rendering.extract(passage): passage for passage in passages}
        fitting = rendering.fitting(by_extract, wanted.max_tokens)
        return fitting, [rendering.facts(by_extract[one], one) for one in fitting]

    def _is_required(self) -> bool:
        passages = self.call.caller.passages
        return passages is not None and any(passages.collections.get(name) for name in self._wanted.collections)


@dataclass(frozen=True, slots=True)
class Offered:
    """A call with the tool in it, where its model may search."""

    call: Call
    searches: Searches | None = None

    @property
    def cited(self) -> Filter:
        """Counts which of the passages that were found the answer cites."""
        return self.searches.cited if self.searches is not None else Chain()

    def headers(self, headers: Headers) -> Headers:
        """The reply's headers, with what the model was offered."""
        if self.searches is None:
            return headers
        named = (b"x-llmp-rag", ",".join(self.searches.collections).encode())
        return [*headers, named, (b"x-llmp-rag-tool", offering.NAME.encode())]


def offer(call: Call, wanted: Wanted | None, shelf: Shelf) -> Offered:
    """The call with the tool, where there is something to search."""
    if wanted is None:
        return Offered(call)
    started = time.perf_counter()
    searches = Searches(call, wanted, shelf)
    call.trace.note("search_offered", started, tool=offering.NAME, collections=list(wanted.collections))
    return Offered(searches.call, searches)
