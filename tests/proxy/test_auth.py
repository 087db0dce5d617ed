"""A key opens the door in either header, and every way of not being good looks alike."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from django.conf import settings

from proxy import auth
from proxy.call import Caller
from proxy.errors import InvalidRequest, NotAuthenticated, NotPermitted
from tenants import sessions
from tests.proxy import build

NOW = datetime(2026, 11, 24, tzinfo=UTC)


class OneCaller:
    """A directory that knows the digest of the secret `good`."""

    def __init__(self, caller: Caller | None) -> None:
        self._caller = caller
        self.lookups = 0

    async def find(self, digests: Sequence[str]) -> Caller | None:
        self.lookups += 1
        return self._caller if digests == ["digest-of-good"] else None


KEYS = auth.Keys(lambda secret: secret in {"good", "other"}, lambda secret: [(1, f"digest-of-{secret}")])


async def authenticate(
    headers: list[tuple[bytes, bytes]], caller: Caller | None = None, *, scope: str = "messages", ip: str = "192.0.2.1"
) -> Caller:
    directory = OneCaller(caller or build.caller())
    return await auth.authenticate(
        build.inbound(headers=headers, client_ip=ip),
        directory,
        KEYS,
        scope=scope,
        at=NOW,  # type: ignore[arg-type]
    )


@pytest.mark.parametrize(
    "headers",
    [
        [(b"x-api-key", b"good")],
        [(b"authorization", b"Bearer good")],
        [(b"authorization", b"bearer good")],
        [(b"x-api-key", b"good"), (b"authorization", b"Bearer good")],
    ],
)
async def test_either_header_or_both_alike_are_accepted(headers: list[tuple[bytes, bytes]]) -> None:
    assert (await authenticate(headers)).key_name == "ci"


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [(b"x-api-key", b"")],
        [(b"authorization", b"Basic good")],
        [(b"x-api-key", b"good"), (b"authorization", b"Bearer other")],
        [(b"x-api-key", b"other")],
        [(b"cookie", b"sessionid=good")],
    ],
)
async def test_no_key_a_wrong_one_or_two_different_ones_are_refused(headers: list[tuple[bytes, bytes]]) -> None:
    with pytest.raises(NotAuthenticated) as refused:
        await authenticate(headers)
    assert refused.value.headers["x-should-retry"] == "false"


@pytest.mark.parametrize("name", [b"x-api-key", b"authorization"])
async def test_a_header_sent_twice_is_refused(name: bytes) -> None:
    with pytest.raises(InvalidRequest, match="more than once"):
        await authenticate([(name, b"Bearer good"), (name, b"Bearer good")])


async def test_a_key_in_the_address_is_refused_even_beside_a_good_one() -> None:
    inbound = build.inbound(headers=[(b"x-api-key", b"good")])
    with pytest.raises(NotAuthenticated, match="revoke it"):
        auth.secret_of(replace(inbound, query=b"beta=true&api_key=llmp_0123"))


async def test_a_malformed_key_is_refused_without_a_lookup() -> None:
    directory = OneCaller(build.caller())
    with pytest.raises(NotAuthenticated):
        await auth.authenticate(
            build.inbound(headers=[(b"x-api-key", b"sk-ant-something")]),
            directory,  # type: ignore[arg-type]
            KEYS,
            scope="messages",
            at=NOW,
        )
    assert directory.lookups == 0


async def test_unknown_revoked_and_expired_keys_get_the_same_answer() -> None:
    answers = set()
    for headers, caller in [
        ([(b"x-api-key", b"other")], build.caller()),
        ([(b"x-api-key", b"good")], build.caller(is_revoked=True)),
        ([(b"x-api-key", b"good")], build.caller(expires_at=NOW)),
        ([(b"x-api-key", b"malformed")], build.caller()),
    ]:
        with pytest.raises(NotAuthenticated) as refused:
            await authenticate(headers, caller)
        answers.add((refused.value.status, refused.value.body("req"), tuple(sorted(refused.value.headers.items()))))
    assert len(answers) == 1


async def test_a_key_is_good_until_the_moment_it_expires() -> None:
    assert await authenticate([(b"x-api-key", b"good")], build.caller(expires_at=NOW + timedelta(microseconds=1)))


async def test_a_suspended_tenant_is_told_so() -> None:
    with pytest.raises(NotPermitted, match="suspended"):
        await authenticate([(b"x-api-key", b"good")], build.caller(is_active=False))


@pytest.mark.parametrize(
    ("ip", "is_allowed"),
    [("10.1.2.3", True), ("::ffff:10.1.2.3", True), ("192.0.2.1", False), ("", False), ("fe80::1", False)],
)
async def test_a_key_bound_to_networks_works_from_them_only(ip: str, is_allowed: bool) -> None:
    caller = build.caller(ip_allow=["10.0.0.0/8"])
    if is_allowed:
        assert await authenticate([(b"x-api-key", b"good")], caller, ip=ip)
    else:
        with pytest.raises(NotPermitted, match="network"):
            await authenticate([(b"x-api-key", b"good")], caller, ip=ip)


async def test_a_key_without_the_scope_is_refused() -> None:
    with pytest.raises(NotPermitted, match="scope 'models'"):
        await authenticate([(b"x-api-key", b"good")], build.caller(scopes=["messages"]), scope="models")


@pytest.mark.parametrize(
    ("cookie", "is_good"),
    [
        ("sessionid=mine", True),
        ("theme=dark; sessionid=mine; zone=UTC", True),
        ("sessionid=theirs; sessionid=mine", True),
        ("sessionid=theirs", False),
        ("xsessionid=mine", False),
        ("sessionid", False),
        ("", False),
    ],
)
async def test_what_is_bound_to_a_session_works_in_it_alone(cookie: str, is_good: bool) -> None:
    caller = replace(build.caller(), session_digest=sessions.digest("mine"))
    headers = [(b"x-api-key", b"good"), (b"cookie", cookie.encode())]
    if is_good:
        assert await authenticate(headers, caller)
    else:
        with pytest.raises(NotAuthenticated, match="^invalid x-api-key$"):
            await authenticate(headers, caller)


def test_the_sessions_cookie_is_named_as_django_names_it() -> None:
    assert settings.SESSION_COOKIE_NAME == auth.SESSION_COOKIE


def test_a_secret_that_comes_again_is_not_digested_again_and_is_nowhere_kept() -> None:
    digested: list[str] = []

    def digests(secret: str) -> list[tuple[int, str]]:
        digested.append(secret)
        return [(1, f"digest-{len(digested)}")]

    keys = auth.Keys(lambda secret: secret != "malformed", digests)
    assert [keys.digests(secret) for secret in ("one", "two", "one")] == [["digest-1"], ["digest-2"], ["digest-1"]]
    assert digested == ["one", "two"]
    assert "one" not in repr(vars(keys))


def test_a_malformed_secret_is_refused_however_often_it_comes() -> None:
    keys = auth.Keys(lambda _secret: False, lambda _secret: [(1, "digest")])
    for _ in range(3):
        with pytest.raises(NotAuthenticated):
            keys.digests("guess")


def test_a_flood_of_secrets_is_not_remembered_without_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(auth, "_MOST_LATEST", 3)
    keys = auth.Keys(lambda _secret: True, lambda secret: [(1, secret[::-1])])
    assert [keys.digests(f"guess-{number}") for number in range(10)] == [[f"guess-{n}"[::-1]] for n in range(10)]
    assert len(keys._latest) <= 3
