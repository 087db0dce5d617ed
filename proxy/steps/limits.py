"""Hold: what a key and its tenant may use in a minute, and at once.

Taken before anything that costs, corrected as soon as the upstream tells what it read, and again at the end.
"""

import math
import time
from collections.abc import Iterator, Sequence
from functools import lru_cache
from types import TracebackType
from typing import NamedTuple

from proxy.call import Call, Caller, Headers, RateLimits
from proxy.errors import Refused
from proxy.formats import estimate
from proxy.formats.usage import Usage
from proxy.ledger.buckets import WINDOW_SECONDS, Buckets, Demand, Place, Taken, Want
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
_MOST_KNOWN = 10_000
_TOKENS = "tokens"
_UNUSED = Usage()
_HEADERS = {
    kind: [f"anthropic-ratelimit-{shown}-{field}".encode() for field in ("limit", "remaining", "reset")]
    for kind, shown in ((REQUESTS, REQUESTS), (COUNTS, REQUESTS), (INPUT, INPUT), (OUTPUT, OUTPUT), (_TOKENS, _TOKENS))
}


class RateLimited(Refused):
    """A limit of the key or of its tenant is reached; the message says which, and when to come again."""

    status = 429
    type = "rate_limit_error"


class Rule(NamedTuple):
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
        self._under = _NOTHING
        self._taken: Taken | None = None
        self._charged: list[float] = []
        self._levels: list[float] = []
        self._owed: list[float] = []  # to the buckets, and not given yet

    async def __aenter__(self) -> "hold":
        caller = self._call.caller
        if caller.limits is None and caller.tenant.limits is None:
            return self
        started = time.perf_counter()
        self._under = _limits(caller, self._call.endpoint)
        taken = await self._buckets.take(self._demand())
        self._levels = list(taken.levels)
        if not taken.is_given:
            raise self._refusal(taken)
        self._taken = taken
        self._charged = [float(want.need) for want in taken.demand.wants]
        self._owed = [0.0] * len(self._charged)
        self._call.trace.note("limits", started)
        return self

    async def __aexit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, _where: TracebackType | None
    ) -> None:
        if isinstance(error, Refused):
            error.headers = {**self._told(), **error.headers}
        if self._taken is None:
            return
        used = self._meter.final_usage()
        is_unknown = used == _UNUSED and error is not None and not isinstance(error, Refused)
        if not is_unknown:  # else the client left before anything was told: what was guessed stands
            self._correct(INPUT, _input(used))
            self._correct(OUTPUT, used.output_tokens)
        self._taken.give(self._owed, is_over=True)

    def headers(self, headers: Headers) -> Headers:
        """The reply's headers, with our limits where the upstream's would stand. What was read is known by now."""
        if self._taken is None:
            return headers
        used = self._meter.usage
        if used != _UNUSED:
            self._correct(INPUT, _input(used))
            if not self._call.is_streaming:
                self._correct(OUTPUT, used.output_tokens)  # given with the place, in a moment
            elif any(self._owed):
                self._taken.give(self._owed, is_over=False)
                self._owed = [0.0] * len(self._owed)
        own = self._shown()
        names = {name for name, _value in own}
        return [*[item for item in headers if item[0] not in names], *own]

    def _demand(self) -> Demand:
        amounts = {REQUESTS: 1, COUNTS: 1, INPUT: self._input_taken(), OUTPUT: self._output_taken()}
        wants = [Want(bucket, limit, amounts[kind]) for kind, bucket, limit in self._under.buckets]
        return Demand(self._call.inbound.request_id, wants, self._under.places)

    def _input_taken(self) -> int:
        document = self._call.document
        # Files are in the bytes, and make far fewer tokens than they have bytes.
        has_files = b'"base64"' in document.raw
        return estimate.input_tokens(document) if has_files else len(document.raw) // _BYTES_PER_TOKEN + 1

    def _output_taken(self) -> int:
        return min(self._call.document.get("max_tokens") or 0, _OUTPUT_TAKEN)

    def _correct(self, kind: str, used: int) -> None:
        """Owe each bucket of the kind what was charged beyond the use, so that it is charged for that and no more."""
        for place, rule in enumerate(self._under.rules):
            if rule.kind == kind:
                back = self._charged[place] - used
                self._owed[place] += back
                self._charged[place] -= back
                self._levels[place] += back

    def _refusal(self, taken: Taken) -> RateLimited:
        wait = max(taken.waits, default=0.0)
        if wait > 0:
            rule = self._under.rules[list(taken.waits).index(wait)]
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
                **self._told(),
            },
        )

    def _whose(self, owner: str) -> str:
        caller = self._call.caller
        return "This key's" if owner == str(caller.key_id) else f"The tenant {caller.tenant.slug}'s"

    def _told(self) -> dict[str, str]:
        """The same in a refusal's form."""
        return {name.decode(): value.decode() for name, value in self._shown()}

    def _shown(self) -> list[tuple[bytes, bytes]]:
        """anthropic-ratelimit-*: of each kind the limit with the least left."""
        tightest: dict[str, tuple[float, int]] = {}
        for (kind, _owner, limit), level in zip(self._under.rules, self._levels, strict=False):
            if kind not in tightest or level < tightest[kind][0]:
                tightest[kind] = (level, limit)
        tokens = [tightest[kind] for kind in (INPUT, OUTPUT) if kind in tightest]
        if tokens:
            tightest[_TOKENS] = (sum([level for level, _ in tokens]), sum([limit for _, limit in tokens]))
        now = time.time()
        shown = []
        for kind, (level, limit) in tightest.items():
            names = _HEADERS[kind]
            full_at = math.ceil(now + max(limit - level, 0.0) * WINDOW_SECONDS / limit)
            shown.append((names[0], b"%d" % limit))
            shown.append((names[1], b"%d" % max(int(level), 0)))
            shown.append((names[2], _stamp(full_at)))
        return shown


@lru_cache(maxsize=256)
def _stamp(seconds: int) -> bytes:
    """The moment as clients read it; most calls of a second share a few of them."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds)).encode()


def _input(used: Usage) -> int:
    """As Anthropic counts: what comes from a cache costs no limit."""
    return used.input_tokens + used.cache_write_5m_tokens + used.cache_write_1h_tokens


class _Limits(NamedTuple):
    """What a caller's calls to one endpoint fall under. `buckets`: kind, name and limit of each rule."""

    rules: Sequence[Rule] = ()
    buckets: Sequence[tuple[str, str, int]] = ()
    places: Sequence[Place] = ()


_NOTHING = _Limits()
_known: dict[tuple[int, str], tuple[Caller, _Limits]] = {}  # by the snapshot itself, which all its calls share


def _limits(caller: Caller, endpoint: str) -> _Limits:
    known = _known.get((id(caller), endpoint))
    if known is not None and known[0] is caller:
        return known[1]
    mine = list(rules(caller, endpoint))
    found = _Limits(
        mine,
        [(rule.kind, rule.bucket, rule.limit) for rule in mine],
        places(caller) if endpoint == "messages" else (),
    )
    if len(_known) >= _MOST_KNOWN:
        _known.clear()
    _known[id(caller), endpoint] = (caller, found)
    return found


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
