"""Rewrite: mark what the upstream is to keep of a prompt (`cache_control`), where the client marks nothing and it pays.

To write a prefix costs a quarter more than to send it, to read it a tenth. So nothing is marked the first time: what
stands before the messages is once the same came before, and the messages once their conversation came back. Then the
last message is marked too, for the turn after: most of what came back once comes back again.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from proxy.call import Outbound
from proxy.formats.globs import Globs
from proxy.formats.usage import Usage
from proxy.ledger.prices import Quote
from proxy.marks import places
from proxy.marks.places import Place
from proxy.marks.prefixes import Prefixes

_KINDS = frozenset(("anthropic", "simulator"))
# https://platform.claude.com/docs/en/build-with-claude/prompt-caching: what is shorter is never kept.
_LEAST_TOKENS = (
    (Globs(("claude-opus-4-0*", "claude-opus-4-1*", "claude-opus-4-2025*")), 1024),
    (Globs(("claude-sonnet-4-0*", "claude-sonnet-4-5*", "claude-sonnet-4-2025*", "claude-3-7-sonnet*")), 1024),
    (Globs(("claude-sonnet-4-6*", "claude-3-5-haiku*", "claude-3-haiku*")), 2048),
)
_LEAST_OF_OTHERS = 4096  # the most that is asked by any: below it nothing is lost that is certain


@dataclass(frozen=True, slots=True)
class Marked:
    """The call as it leaves, and what is to be remembered of it once it has."""

    outbound: Outbound
    prefixes: Prefixes
    seen: Sequence[bytes] = ()
    written: Sequence[bytes] = ()

    def sent(self, outbound: Outbound) -> None:
        """It is sent now. One that was changed since went without the marks."""
        self.prefixes.note(self.seen, self.written if outbound is self.outbound else ())


def add(outbound: Outbound, prefixes: Prefixes, price_of: Callable[[Usage], Quote]) -> Marked:
    """The call with at most three marks; itself where the client set any, or its caller does not want that."""
    call, rules = outbound.call, outbound.call.caller.marking
    is_wanted = rules is not None and call.endpoint == "messages" and outbound.upstream.kind in _KINDS
    if rules is None or not is_wanted or b"cache_control" in call.document.raw:
        return Marked(outbound, prefixes)
    started = time.perf_counter()
    bound = b"\0".join((rules.secret, outbound.upstream.id.bytes, outbound.sent_as.encode()))
    found = list(places.of(call.document.value, bound))
    chosen = _chosen(found, prefixes, least_tokens(outbound.sent_as))
    seen, written = [place.digest for place in found], [place.digest for place in chosen]
    if not chosen:
        return Marked(outbound, prefixes, seen)
    body = call.document.mark([place.path for place in chosen if place.path is not None])
    marked = replace(outbound, body=body.edit({("model",): outbound.sent_as}).raw)
    call.trace.note("marks", started, at=[place.name for place in chosen], **_expected(chosen, prefixes, price_of))
    return Marked(marked, prefixes, seen, written)


def least_tokens(model: str) -> int:
    """How long a prefix must be for this model to be kept."""
    return next((least for globs, least in _LEAST_TOKENS if globs.match(model)), _LEAST_OF_OTHERS)


def _chosen(found: Sequence[Place], prefixes: Prefixes, least: int) -> list[Place]:
    """The end of system and tools, the last of the turns that came before, and the present one."""
    long = [place for place in found if place.tokens >= least and place.path is not None]
    known = [place for place in found if prefixes.find(place.digest) is not None]
    heads = [place for place in long if place.name in ("system", "tools") and place in known]
    turns = [place for place in found if place.name not in ("system", "tools")]
    before = [place for place in turns[:-1] if place in known]
    if not before:
        return heads
    return [*heads, *(place for place in (before[-1], turns[-1]) if place in long)]


def _expected(chosen: Sequence[Place], prefixes: Prefixes, price_of: Callable[[Usage], Quote]) -> dict[str, int]:
    """About what is read and written, and what that saves; less than nothing where it is written for the first time."""
    kept = [place.tokens for place in chosen if (seen := prefixes.find(place.digest)) is not None and seen.is_written]
    read = max(kept, default=0)
    written = max(place.tokens for place in chosen) - read
    quote = price_of(Usage(input_tokens=read + written))
    saved = read * (quote.input_nano - quote.cache_read_nano) - written * (quote.cache_write_5m_nano - quote.input_nano)
    return {"about_read_tokens": read, "about_written_tokens": written, "about_saved_nano_usd": saved // 1_000_000}
