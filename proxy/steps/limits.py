"""Hold: what a key and its tenant may use in a minute, and at once.

Taken before anything that costs, corrected as soon as the upstream tells what it read, and again at the end.
"""

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from types import TracebackType

from proxy.call import Call, Caller, Headers, RateLimits
from proxy.errors import Refused
from proxy.formats import estimate
from proxy.formats.usage import Usage
from proxy.ledger.buckets import Buckets, Demand, Place, Taken, Want
from proxy.ledger.meter import Meter

REQUESTS, COUNTS, INPUT, OUTPUT = "requests", "count_tokens", "input-tokens", "output-tokens"
_WORDS = {
    REQUESTS: "requests a minute",
    COUNTS: "count_tokens requests a minute",
    INPUT: "input tokens a minute",
    OUTPUT: "output tokens a minute",
}
_BYTES_PER_TOKEN = 3  # no prose and no code makes more tokens of its bytes
_OUTPUT_TAKEN = 500  # a usual answer; max_tokens is far from what is used
_PLACE_RETRY_SECONDS = 2
_LONGEST_RETRY_SECONDS = 60  # clients give up on longer waits
_PREFIX = "anthropic-ratelimit-"


class RateLimited(Refused):
    """A limit of the key or of its tenant is reached; the message says which, and when to come again."""

    status = 429
    type = "rate_limit_error"


@dataclass(frozen=True, slots=True)
class Rule:
    """One limit of a key or a tenant."""

    kind: str
    owner: str
    limit: int

    @property
    def bucket(self) -> str:
        """Where its tokens are kept."""
        return f"{self.owner}:{self.kind}"


class hold:
    """The call's share of every limit it falls under, given back as far as it was not used."""

    def __init__(self, call: Call, buckets: Buckets, meter: Meter) -> None:
        self._call = call
        self._buckets = buckets
        self._meter = meter
        self._rules: list[Rule] = []
        self._taken: Taken | None = None
        self._charged: list[float] = []
        self._levels: list[float] = []

    async def __aenter__(self) -> "hold":
        caller = self._call.caller
        if caller.limits is None and caller.tenant.limits is None:
            return self
        started = time.perf_counter()
        self._rules = list(rules(caller, self._call.endpoint))
        taken = await self._buckets.take(self._demand())
        self._levels = list(taken.levels)
        if not taken.is_given:
            raise self._refusal(taken)
        self._taken = taken
        self._charged = [float(want.need) for want in taken.demand.wants]
        self._call.trace.note("limits", started)
        return self

    async def __aexit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, _where: TracebackType | None
    ) -> None:
        if isinstance(error, Refused):
            error.headers = {**self._shown(), **error.headers}
        if self._taken is None:
            return
        used = self._meter.final_usage()
        is_unknown = used == Usage() and error is not None and not isinstance(error, Refused)
        # A client that left before anything was told: what was guessed stands.
        back = [0.0] * len(self._charged) if is_unknown else self._correction(used, {INPUT, OUTPUT})
        self._taken.give(back, is_over=True)

    def headers(self, headers: Headers) -> Headers:
        """The reply's headers, with our limits where the upstream's would stand. What was read is known by now."""
        if self._taken is None:
            return headers
        if self._meter.usage != Usage():
            back = self._correction(self._meter.usage, {INPUT})
            if any(back):
                self._taken.give(back, is_over=False)
        own = [(name.encode(), value.encode()) for name, value in self._shown().items()]
        names = {name for name, _value in own}
        return [*(item for item in headers if item[0] not in names), *own]

    def _demand(self) -> Demand:
        call = self._call
        wants = [Want(rule.bucket, rule.limit, self._amount(rule.kind)) for rule in self._rules]
        running = places(call.caller) if call.endpoint == "messages" else []
        return Demand(call.inbound.request_id, wants, running)

    def _amount(self, kind: str) -> int:
        document = self._call.document
        if kind == INPUT:
            # Files are in the bytes, and make far fewer tokens than they have bytes.
            has_files = b'"base64"' in document.raw
            return estimate.input_tokens(document) if has_files else len(document.raw) // _BYTES_PER_TOKEN + 1
        if kind == OUTPUT:
            return min(document.get("max_tokens") or 0, _OUTPUT_TAKEN)
        return 1

    def _correction(self, usage: Usage, kinds: set[str]) -> list[float]:
        """What each bucket gets back so that it was charged for the usage and no more. Counted once."""
        used = {
            # As Anthropic counts: what comes from a cache costs no limit.
            INPUT: usage.input_tokens + usage.cache_write_5m_tokens + usage.cache_write_1h_tokens,
            OUTPUT: usage.output_tokens,
        }
        back = [0.0] * len(self._charged)
        for place, rule in enumerate(self._rules):
            if rule.kind in kinds:
                back[place] = self._charged[place] - used[rule.kind]
                self._charged[place] -= back[place]
                self._levels[place] += back[place]
        return back

    def _refusal(self, taken: Taken) -> RateLimited:
        wait = max(taken.waits, default=0.0)
        if wait > 0:
            rule = self._rules[list(taken.waits).index(wait)]
            what, seconds = f"{rule.limit:,} {_WORDS[rule.kind]}", math.ceil(wait)
            whose = self._whose(rule.owner)
        else:
            full = next(
                place
                for place, running in zip(taken.demand.places, taken.running, strict=True)
                if running >= place.limit
            )
            what, seconds = f"{full.limit:,} requests at once", _PLACE_RETRY_SECONDS
            whose = self._whose(full.owner.partition(":")[0])
        is_worth_waiting = seconds <= _LONGEST_RETRY_SECONDS
        return RateLimited(
            f"{whose} limit of {what} is reached. Try again in {seconds} s.",
            headers={
                "retry-after": str(seconds),
                "x-should-retry": "true" if is_worth_waiting else "false",
                **self._shown(),
            },
        )

    def _whose(self, owner: str) -> str:
        caller = self._call.caller
        return "This key's" if owner == str(caller.key_id) else f"The tenant {caller.tenant.slug}'s"

    def _shown(self) -> dict[str, str]:
        """anthropic-ratelimit-*: of each kind the limit with the least left."""
        now = time.time()
        tightest: dict[str, tuple[float, int]] = {}
        for rule, level in zip(self._rules, self._levels, strict=False):
            kind = REQUESTS if rule.kind == COUNTS else rule.kind
            if kind not in tightest or level < tightest[kind][0]:
                tightest[kind] = (level, rule.limit)
        tokens = [tightest[kind] for kind in (INPUT, OUTPUT) if kind in tightest]
        if tokens:
            tightest["tokens"] = (sum(level for level, _ in tokens), sum(limit for _, limit in tokens))
        shown = {}
        for kind, (level, limit) in tightest.items():
            full_at = math.ceil(now + max(limit - level, 0.0) * 60 / limit)
            shown[f"{_PREFIX}{kind}-limit"] = str(limit)
            shown[f"{_PREFIX}{kind}-remaining"] = str(max(int(level), 0))
            shown[f"{_PREFIX}{kind}-reset"] = _stamp(full_at)
        return shown


@lru_cache(maxsize=256)
def _stamp(seconds: int) -> str:
    """The moment as clients read it; most calls of a second share a few of them."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def rules(caller: Caller, endpoint: str) -> Iterator[Rule]:
    """The limits of the key, then the tenant's, that calls to the endpoint fall under."""
    for owner, limits in ((caller.key_id, caller.limits), (caller.tenant.id, caller.tenant.limits)):
        if limits is not None:
            for kind, limit in _kinds(endpoint, limits):
                if limit is not None:
                    yield Rule(kind, str(owner), limit)


def places(caller: Caller) -> list[Place]:
    """How many calls the key, and its tenant, may have under way at once, where that is limited."""
    owners = ((caller.key_id, caller.limits), (caller.tenant.id, caller.tenant.limits))
    return [
        Place(f"{owner}:running", limits.concurrency)
        for owner, limits in owners
        if limits is not None and limits.concurrency is not None
    ]


def _kinds(endpoint: str, limits: RateLimits) -> Iterator[tuple[str, int | None]]:
    """Counting tokens has a bucket of its own, and costs none of the others."""
    if endpoint == "count_tokens":
        yield COUNTS, limits.count_tokens
        return
    yield REQUESTS, limits.requests
    yield INPUT, limits.input_tokens
    yield OUTPUT, limits.output_tokens
