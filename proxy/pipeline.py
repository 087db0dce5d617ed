"""The path of one call, top to bottom. No line calls back above itself."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol

from proxy import auth, upstreams
from proxy.answers.replay import Replay
from proxy.call import Call, Caller, Headers, Inbound
from proxy.relay import Head
from proxy.rounds import Round, Rounds
from proxy.runtime import Runtime
from proxy.steps import (
    access,
    cache,
    cutoff,
    dry_run,
    intake,
    journal,
    limits,
    marks,
    ownership,
    pii,
    policy,
    quota,
    rag,
    routing,
    search,
    transcript,
)
from proxy.stream import Chain, Filter
from proxy.upstreams import Answer

Again = Callable[[], Awaitable[Caller]]
"""Finds the caller as the rules are now. Raises Refused."""

Opened = AbstractAsyncContextManager[Answer | Replay]
"""An answer to come: the upstream's, or a kept one."""


class Teller(Protocol):
    """A step with something to say in the reply's headers."""

    def headers(self, headers: Headers) -> Headers: ...


async def run(inbound: Inbound, body: intake.Body, runtime: Runtime) -> AsyncGenerator[Head | bytes, None]:
    """Status and headers, then the answer's bytes. Raises Refused, before the first item or after any."""
    # First the key: nothing is read for a stranger.
    again = partial(auth.authenticate, inbound, runtime.directory, runtime.keys, scope="messages", at=auth.now())
    caller = await again()
    # One usage record from here on, however the call ends; and its text, where the tenant keeps that.
    async with (
        journal.entry(inbound, caller, runtime.journal, runtime.directory.prices) as entry,
        transcript.taken(runtime.transcripts, entry.started_at, partial(pii.scrub, detector=runtime.detector)) as taken,
    ):
        call = await intake.receive(inbound, caller, body, entry.trace)
        entry.ask(call)
        # Before anything that costs: a flood is refused at the price of a look.
        async with limits.hold(call, runtime.buckets, entry.meter) as limited:
            access.check(call)
            ownership.check(call)
            # Before rules and personal data: what is added is judged and scrubbed like what was asked.
            informed = await rag.inform(call, runtime.shelf)
            offered = search.offer(informed.call, informed.searched, runtime.shelf)
            # On what was asked, not on what is left of it: rules name words, and placeholders have none.
            judged = await policy.judge_apart(taken.ask(offered.call))
            # After everything that adds text: from here on nothing sees personal data that the tenant keeps back.
            scrubbed = taken.clean(await pii.scrub(judged.call, runtime.detector))
            await judged.check_clean(scrubbed.call, scrubbed.types, runtime.scales)
            # Last of the rewrites: what they give is what leaves the proxy.
            marked = marks.add(routing.choose(scrubbed.call), runtime.prefixes, entry.price_of)
            outbound = marked.outbound
            asked = cache.ask(outbound, scrubbed.owns)
            if call.is_dry_run:
                report = dry_run.report(outbound, entry.price_of)
                head = Head(200, [(b"content-type", b"application/json")])
                yield told(entry, head, informed, offered, judged, scrubbed, limited)
                yield report
                return
            # Before anything is reserved: what was answered before costs nothing. It holds placeholders, not values.
            async with cache.lookup(asked, runtime.answers, entry.meter, entry.price_of) as looked:
                source: Opened
                if looked.answer is not None:
                    admitted, source = quota.Admitted(outbound), looked.answer
                    entry.serve(outbound)
                else:
                    # What it may cost is held until its record is written; where little is left, it gets less.
                    admitted = await quota.reserve(
                        outbound, runtime.accounts, entry.quote, entry.started_at, routing.towards
                    )
                    # Journalled before the upstream is asked: a killed process loses no started call.
                    entry.start(admitted.outbound)
                    marked.sent(admitted.outbound)
                    source = upstreams.open(admitted.outbound, runtime.pool)
                # Where the model searches, what it is answered goes the way from the rules to here once more.
                underway = Underway(entry, taken, informed.cited, offered, again, runtime)
                first = underway.round(admitted, source, scrubbed, judged, looked.filter(admitted.outbound))
                rounds = Rounds(first, underway.further, offered.searches, entry, runtime.limits.ping_seconds)
                async with rounds as answer:
                    head, piece = await answer.begin()
                    yield told(entry, head, looked, informed, offered, judged, scrubbed, limited, admitted)
                    while piece:
                        yield piece
                        piece = await answer.next()


@dataclass(frozen=True, slots=True)
class Underway:
    """What a call holds, and its later rounds use again."""

    entry: journal.entry
    taken: transcript.taken
    cited: Filter
    offered: search.Offered
    again: Again
    runtime: Runtime

    def round(
        self, admitted: quota.Admitted, source: Opened, scrubbed: pii.Scrubbed, judged: policy.Judged, kept: Filter
    ) -> Round:
        """The upstream asked once, and what its answer goes through."""
        entry = self.entry
        # A budget that is cut under a stream ends it, as at max_tokens; that is not kept.
        ended = cutoff.watch(admitted.stake, self.runtime.accounts.watcher, entry.meter, entry.trace, self.again)
        # Kept and taken down as it came, then restored: the next who asks may have other values. Watched last: as read.
        said = [entry.meter, kept, ended, self.taken.answer]
        shown = [scrubbed.restore, judged.watch, self.cited, self.offered.cited]
        return Round(admitted, source, judged.weighed(scrubbed.searched), [*said, *shown])

    async def further(self, call: Call, before: Round) -> Round:
        """A later round, with what the model said and was answered: by the same steps, to the same model."""
        entry, runtime = self.entry, self.runtime
        judged = await policy.judge_apart(self.taken.ask(call))
        scrubbed = self.taken.clean(await pii.scrub(judged.call, runtime.detector))
        await judged.check_clean(scrubbed.call, scrubbed.types, runtime.scales)
        written = entry.meter.usage.output_tokens
        admitted = await quota.extend(
            before.admitted, scrubbed.call, runtime.accounts, entry.quote, at=entry.started_at, written=written
        )
        marked = marks.add(admitted.outbound, runtime.prefixes, entry.price_of)
        entry.go_on(marked.outbound)
        marked.sent(marked.outbound)
        source = upstreams.open(marked.outbound, runtime.pool)
        return self.round(replace(admitted, outbound=marked.outbound), source, scrubbed, judged, Chain())


def told(entry: journal.entry, head: Head, *steps: Teller) -> Head:
    """The head with what is to be said of the call, and what each of these steps has to say."""
    headers: Headers = [*head.headers, *entry.answer(head.status, head.request_id)]
    for step in steps:
        headers = step.headers(headers)
    return replace(head, headers=headers)
