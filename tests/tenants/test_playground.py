"""A pass acts as its key for one person in one session for minutes, and ends with whatever made it good."""

from datetime import datetime, timedelta

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.utils import timezone

from proxy.call import Caller
from proxy.snapshots import DatabaseSource
from tenants import actions, keys, sessions
from tenants.models import ApiKey, AuditEntry, PlaygroundPass, Tenant

pytestmark = pytest.mark.django_db


@pytest.fixture
def key(acme: Tenant) -> ApiKey:
    return actions.issue_key(actor="x", tenant=acme, name="ci", model_globs=["claude-haiku-*"], limits={"rpm": 7}).key


def given(key: ApiKey, user: User, *, session: str = "s1", at: datetime | None = None) -> actions.GivenPass:
    return actions.open_playground(actor="user:x", key=key, user=user, session_key=session, at=at or timezone.now())


def caller(secret: str) -> Caller | None:
    return DatabaseSource.caller([digest for _version, digest in keys.digests(secret)])


def test_a_pass_is_held_to_the_rules_of_its_key_and_recorded_as_it(key: ApiKey, bob: User) -> None:
    found = caller(given(key, bob).secret)
    assert found is not None
    assert (found.key_id, found.key_name, found.client) == (key.pk, "ci", "playground")
    assert found.models.match("claude-haiku-1") and not found.models.match("claude-opus-1")
    assert found.limits is not None and found.limits.requests == 7
    assert found.session_digest == sessions.digest("s1")
    assert found.expires_at is not None and found.expires_at <= timezone.now() + actions.PASS_LIFE


def test_only_a_hash_of_it_and_of_the_session_is_kept(key: ApiKey, bob: User) -> None:
    secret = given(key, bob, session="the-session-key").secret
    kept = str([*PlaygroundPass.objects.values(), *AuditEntry.objects.values()])
    assert secret not in kept and secret[-8:] not in kept and "the-session-key" not in kept
    assert secret not in repr(given(key, bob))


def test_it_does_not_outlive_its_key(key: ApiKey, bob: User) -> None:
    secret = given(key, bob).secret
    actions.revoke_key(actor="x", key=key)
    found = caller(secret)
    assert found is not None and found.is_revoked


@pytest.mark.parametrize("loss", ["membership", "role", "account"])
def test_it_does_not_outlive_the_right_to_ask(key: ApiKey, acme: Tenant, bob: User, loss: str) -> None:
    secret = given(key, bob).secret
    if loss == "membership":
        actions.remove_member(actor="x", tenant=acme, user=bob)
    elif loss == "role":
        actions.set_role(actor="x", tenant=acme, user=bob, role="viewer")
    else:
        User.objects.filter(pk=bob.pk).update(is_active=False)
    assert caller(secret) is None


def test_it_ends_with_its_session_and_leaves_those_of_others(key: ApiKey, bob: User, alice: User) -> None:
    mine, other = given(key, bob, session="s1").secret, given(key, alice, session="s2").secret
    before = AuditEntry.objects.count()
    actions.end_playground(actor="user:bob", session_key="s1")
    assert caller(mine) is None and caller(other) is not None
    assert AuditEntry.objects.first().action == "playground.end"
    actions.end_playground(actor="user:bob", session_key="s1")
    assert AuditEntry.objects.count() == before + 1


def test_a_new_pass_replaces_the_old_and_sweeps_the_expired(key: ApiKey, bob: User, alice: User) -> None:
    now = timezone.now()
    given(key, alice, at=now - timedelta(hours=1))
    first = given(key, bob, at=now).secret
    second = given(key, bob, at=now).secret
    assert caller(first) is None and caller(second) is not None
    assert PlaygroundPass.objects.count() == 1
    entry = AuditEntry.objects.filter(action="playground.open").first()
    assert entry is not None and entry.changes["person"] == [None, "bob"]


def test_rotation_knows_nothing_of_passes(key: ApiKey, bob: User) -> None:
    given(key, bob)
    assert key.secrets.count() == 1


@pytest.mark.parametrize("fault", ["revoked", "expired", "scope"])
def test_a_key_that_could_not_ask_gets_no_pass(key: ApiKey, bob: User, fault: str) -> None:
    if fault == "revoked":
        actions.revoke_key(actor="x", key=key)
    elif fault == "expired":
        ApiKey.objects.filter(pk=key.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
    else:
        actions.change_key(actor="x", key=key, scopes=["models"])
    with pytest.raises(ValidationError, match="Choose another one"):
        given(key, bob)
    assert not PlaygroundPass.objects.exists()
