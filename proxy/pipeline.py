"""The path of one call, top to bottom. No line calls back above itself."""

from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from functools import partial
from typing import Protocol

from proxy import auth, upstreams
from proxy.answers.replay import Replay
from proxy.call import Headers, Inbound
from proxy.relay import Head, Relay
from proxy.runtime import Runtime
from proxy.steps import (
    access,
    cache,
    cutoff,
    dry_run,
    intake,
    journal,
    limits,
    ownership,
    pii,
    policy,
    quota,
    rag,
    routing,
    transcript,
)
from proxy.stream import Chain
from proxy.upstreams import Answer


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
            # On what was asked, not on what is left of it: rules name words, and placeholders have none.
            judged = policy.judge(taken.ask(informed.call))
            # After everything that adds text: from here on nothing sees personal data that the tenant keeps back.
            scrubbed = taken.clean(await pii.scrub(judged.call, runtime.detector))
            judged.check_found(scrubbed.types)
            # Last of the rewrites: what it gives is what leaves the proxy.
            outbound = routing.choose(scrubbed.call)
            asked = cache.ask(outbound, scrubbed.owns)
            if call.is_dry_run:
                report = dry_run.report(outbound, entry.price_of)
                head = Head(200, [(b"content-type", b"application/json"), *entry.answer(200)])
                yield told(head, informed, judged, scrubbed, limited)
                yield report
                return
            # Before anything is reserved: what was answered before costs nothing. It holds placeholders, not values.
            async with cache.lookup(asked, runtime.answers, entry.meter, entry.price_of) as looked:
                source: AbstractAsyncContextManager[Answer | Replay]
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
                    source = upstreams.open(admitted.outbound, runtime.pool)
                async with source as answer:
                    # Kept as it came, then restored: the next who asks may have other values.
                    kept = looked.filter(admitted.outbound)
                    # A budget that is cut under a stream ends it, as at max_tokens; that is not kept.
                    ended = cutoff.watch(admitted.stake, runtime.accounts.watcher, entry.meter, entry.trace, again)
                    # Watched last: as the client would read it. Taken down before: as the upstream said it.
                    watched = [scrubbed.restore, judged.watch, informed.cited]
                    filters = Chain([entry.meter, kept, ended, taken.answer, *watched])
                    relay = Relay(scrubbed.searched(answer), filters, entry, runtime.limits.ping_seconds)
                    head, piece = await relay.begin()
                    yield told(head, looked, informed, judged, scrubbed, limited, admitted)
                    while piece:
                        yield piece
                        piece = await relay.next()


def told(head: Head, *steps: Teller) -> Head:
    """The head with what each of these steps has to say in its headers."""
    headers = head.headers
    for step in steps:
        headers = step.headers(headers)
    return replace(head, headers=headers)
