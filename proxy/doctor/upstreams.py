"""Whether each enabled upstream can be reached and takes its credential, and whether the clocks agree."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx

from proxy.doctor.finding import Finding, fail, ok, warn
from tenants import destinations, queries, secrets
from tenants.models import Upstream

_SECONDS = 10.0
_AT_ONCE = 8
_SKEW_WARN_SECONDS, _SKEW_FAIL_SECONDS = 30, 300
_CREDENTIAL = "Store a working credential: api_key in a file for `manage.py apply`, or the admin's page."


@dataclass(frozen=True, slots=True)
class _Target:
    name: str
    base_url: str
    credential: str = field(repr=False)


def check() -> Iterator[Finding]:
    """A finding for each enabled upstream, one for the clock where any told the time."""
    targets: list[_Target] = []
    for row in Upstream.objects.filter(is_enabled=True, tenant__status="active").select_related("tenant"):
        found = _target(row)
        if isinstance(found, Finding):
            yield found
        else:
            targets.append(found)
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        answers = list(threads.map(_ask, targets))
    yield from (finding for finding, _skew in answers)
    skews = [skew for _finding, skew in answers if skew is not None]
    if skews:
        yield clock(min(skews, key=abs))  # the one that agrees best: a wrong clock of theirs is not ours


def look(row: Upstream) -> Finding:
    """What one upstream says, asked as it is stored: no secret goes to an address that was not saved with it."""
    target = _target(row)
    return target if isinstance(target, Finding) else _ask(target)[0]


def _target(row: Upstream) -> _Target | Finding:
    name = f"upstream {row}"
    if row.kind == Upstream.Kind.SIMULATOR:
        return ok(name, "the built-in simulator")
    if row.kind == Upstream.Kind.DETECTOR:
        return ok(name, "a detector, asked by rules alone")
    try:
        return _Target(name, row.base_url, queries.credential_of(row))
    except secrets.CannotDecrypt as broken:
        return fail(name, str(broken), _CREDENTIAL)


def clock(skew_seconds: float) -> Finding:
    """What a difference to the upstreams' clocks means."""
    found = f"{abs(skew_seconds):.0f} s {'ahead of' if skew_seconds > 0 else 'behind'} the upstreams"
    remedy = "Let this machine's clock be set by NTP (timedatectl set-ntp true): expiries and budgets go by it."
    if abs(skew_seconds) > _SKEW_FAIL_SECONDS:
        return fail("clock", found, remedy)
    return warn("clock", found, remedy) if abs(skew_seconds) > _SKEW_WARN_SECONDS else ok("clock", found)


def _ask(target: _Target) -> tuple[Finding, float | None]:
    """What it says to `GET /v1/models`, and how far our clock is ahead of its."""
    try:
        destinations.check_url(target.base_url, resolve=destinations.lookup)
    except destinations.Forbidden as forbidden:
        return fail(target.name, f"calls to it are refused: {forbidden}", "Change its base URL, or allow it."), None
    url = target.base_url.rstrip("/").removesuffix("/v1") + "/v1/models?limit=1"
    headers = {"anthropic-version": "2023-06-01", "user-agent": "llm-proxy-doctor"}
    if target.credential:
        headers["x-api-key"] = target.credential
    try:
        with httpx.Client(timeout=_SECONDS, trust_env=False) as client:
            response = client.get(url, headers=headers)
    except (httpx.HTTPError, httpx.InvalidURL) as broken:
        words = str(broken) or type(broken).__name__
        remedy = "Check its base URL, the firewall and its certificate from this machine."
        return fail(target.name, f"{target.base_url} cannot be reached: {words}", remedy), None
    return _judge(target, response), _skew(response)


def _judge(target: _Target, response: httpx.Response) -> Finding:
    status = response.status_code
    found = f"{target.base_url} answers HTTP {status} in {response.elapsed.total_seconds() * 1000:.0f} ms"
    if status == 200:
        return ok(target.name, found)
    if status in {401, 403}:
        word = "its credential is refused" if target.credential else "it wants a credential and none is stored"
        return fail(target.name, f"{word}: {found}", _CREDENTIAL)
    if 300 <= status < 400:
        where = response.headers.get("location", "?")
        return fail(target.name, f"it redirects to {where}", "Use the address it redirects to: calls follow none.")
    if status in {404, 405}:
        return warn(target.name, f"reachable, but it lists no models: {found}", "Send a message to be sure it works.")
    return warn(target.name, found, "It is there but not well; ask its operator.")


def _skew(response: httpx.Response) -> float | None:
    try:
        theirs = parsedate_to_datetime(response.headers.get("date", ""))
    except ValueError:
        return None
    if theirs.tzinfo is None:
        return None
    return (datetime.now(UTC) - theirs).total_seconds()
