"""The path of one call, top to bottom. No line calls back above itself."""

from collections.abc import AsyncGenerator
from dataclasses import replace

from proxy import auth, upstreams
from proxy.call import Inbound
from proxy.relay import Head, Relay
from proxy.runtime import Runtime
from proxy.steps import access, dry_run, intake, journal, limits, ownership, pii, quota, routing
from proxy.stream import Chain


async def run(inbound: Inbound, body: intake.Body, runtime: Runtime) -> AsyncGenerator[Head | bytes, None]:
    """Status and headers, then the answer's bytes. Raises Refused, before the first item or after any."""
    # First the key: nothing is read for a stranger.
    caller = await auth.authenticate(inbound, runtime.directory, runtime.keys, scope="messages", at=auth.now())
    # One usage record from here on, however the call ends.
    async with journal.entry(inbound, caller, runtime.journal, runtime.directory.prices) as entry:
        call = await intake.receive(inbound, caller, body, entry.trace)
        entry.ask(call)
        # Before anything that costs: a flood is refused at the price of a look.
        async with limits.hold(call, runtime.buckets, entry.meter) as limited:
            access.check(call)
            ownership.check(call)
            # After everything that adds text: from here on nothing sees personal data that the tenant keeps back.
            scrubbed = await pii.scrub(call, runtime.detector)
            # Last of the rewrites: what it gives is what leaves the proxy.
            outbound = routing.choose(scrubbed.call)
            if call.is_dry_run:
                report = dry_run.report(outbound, entry.price_of)
                headers = [(b"content-type", b"application/json"), *entry.answer(200)]
                yield Head(200, limited.headers(scrubbed.headers(headers)))
                yield report
                return
            # What it may cost is held until its record is written; where little is left, it may write less.
            admitted = await quota.reserve(outbound, runtime.accounts, entry.quote, entry.started_at)
            # Journalled before the upstream is asked: a killed process loses no started call.
            entry.start(admitted.outbound)
            async with upstreams.open(admitted.outbound, runtime.pool) as answer:
                relay = Relay(answer, Chain([entry.meter, scrubbed.restore]), entry, runtime.limits.ping_seconds)
                head, piece = await relay.begin()
                yield replace(head, headers=admitted.headers(limited.headers(scrubbed.headers(head.headers))))
                while piece:
                    yield piece
                    piece = await relay.next()
