"""From the headers of a request to the caller behind its key, or a refusal. Nothing of the body is read before."""

import hashlib
import hmac
import os
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from ipaddress import ip_address
from typing import Protocol

from proxy.call import Caller, Inbound
from proxy.errors import InvalidRequest, NotAuthenticated, NotPermitted

# The same words for unknown, revoked and expired keys: an answer must not tell which keys exist.
_INVALID = "invalid x-api-key"
_PREFIX = b"llmp_"
_MOST_LATEST = 4096
SESSION_COOKIE = "sessionid"
"""Django's name for it; a test compares them."""


def secret_of(inbound: Inbound) -> str:
    """The secret from `x-api-key` or `Authorization: Bearer`. Raises InvalidRequest, NotAuthenticated."""
    if _PREFIX in inbound.query:  # the query goes to the upstream, and into the logs of all between
        raise NotAuthenticated(
            "A key in the address ends up in logs: revoke it, and send a new one as x-api-key or as a Bearer token."
        )
    api_keys, bearers = inbound.all(b"x-api-key"), inbound.all(b"authorization")
    if len(api_keys) > 1 or len(bearers) > 1:
        raise InvalidRequest("x-api-key or authorization: header sent more than once")
    found = {value.decode("latin-1").strip() for value in api_keys}
    for value in bearers:
        scheme, _, token = value.decode("latin-1").partition(" ")
        if scheme.lower() != "bearer":
            raise NotAuthenticated("authorization: only Bearer is supported, `Authorization: Bearer llmp_…`")
        found.add(token.strip())
    found.discard("")
    if not found:
        raise NotAuthenticated("x-api-key header is required: send your llmp_… key there or as a Bearer token")
    if len(found) > 1:
        raise NotAuthenticated("x-api-key and authorization carry different keys: send one of them")
    return found.pop()


class Keys:
    """How a secret is checked offline and digested, as `tenants.keys` does it.

    What came of the latest secrets is remembered under a hash of theirs, with a key of this process: an HMAC by
    OpenSSL that is not in the processor's caches takes longer than any step of a call. No secret stays in memory.
    """

    def __init__(
        self, is_well_formed: Callable[[str], bool], digests: Callable[[str], Sequence[tuple[int, str]]]
    ) -> None:
        self._is_well_formed = is_well_formed
        self._digests = digests
        self._latest: dict[bytes, list[str]] = {}
        self._key = os.urandom(32)

    def digests(self, secret: str) -> list[str]:
        """The secret's digests, newest pepper first. Raises NotAuthenticated without any look-up."""
        name = hashlib.blake2b(secret.encode(), digest_size=32, key=self._key).digest()
        known = self._latest.get(name)
        if known is None:
            if not self._is_well_formed(secret):
                raise NotAuthenticated(_INVALID)
            if len(self._latest) >= _MOST_LATEST:
                self._latest.clear()
            known = self._latest[name] = [digest for _version, digest in self._digests(secret)]
        return known


class Finder(Protocol):
    """Who knows callers: the directory of a web process, or the database itself."""

    async def find(self, digests: Sequence[str]) -> Caller | None:
        """The caller behind one of the digests."""


async def authenticate(inbound: Inbound, directory: Finder, keys: Keys, *, scope: str, at: datetime) -> Caller:
    """The caller, whose key is good at `at` for `scope` and for the client's address.

    Raises NotAuthenticated, NotPermitted, InvalidRequest, Unavailable.
    """
    caller = await directory.find(keys.digests(secret_of(inbound)))
    if caller is None or caller.is_revoked or (caller.expires_at is not None and caller.expires_at <= at):
        raise NotAuthenticated(_INVALID)
    if caller.session_digest and not _is_of_session(inbound, caller.session_digest):
        raise NotAuthenticated(_INVALID)
    if not caller.tenant.is_active:
        raise NotPermitted(f"The organisation {caller.tenant.slug!r} is suspended: ask its administrator.")
    if caller.ip_allow and not _is_allowed_address(caller, inbound.client_ip):
        raise NotPermitted("This key may not be used from your network address.")
    if scope not in caller.scopes:
        raise NotPermitted(f"This key lacks the scope {scope!r}: ask for a key that has it.")
    return caller


def _is_of_session(inbound: Inbound, wanted: str) -> bool:
    """Whether the browser that asks is the one that the secret was given to: no script can read this cookie."""
    for part in inbound.get(b"cookie").split(";"):
        name, _, value = part.strip().partition("=")
        if name == SESSION_COOKIE and hmac.compare_digest(hashlib.sha256(value.encode()).hexdigest(), wanted):
            return True
    return False


def _is_allowed_address(caller: Caller, client_ip: str) -> bool:
    try:
        address = ip_address(client_ip)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return any((mapped or address) in network for network in caller.ip_allow)


def now() -> datetime:
    """The wall clock, for expiry dates."""
    return datetime.now(UTC)
