"""Seeds of second factors move to the newest key, so that an old one can be dropped."""

import json
from io import StringIO
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command

from proxy.doctor import sealed
from tenants import actions, second_factors, secrets
from tenants.models import AuditEntry

NEW = bytes(range(32))
pytestmark = pytest.mark.django_db


@pytest.fixture
def seed(alice: User) -> str:
    """Alice has an authenticator app, recovery codes and codes that came from elsewhere."""
    seed = generate_totp_secret()
    TOTP.activate(alice, seed)
    RecoveryCodes.activate(alice)
    moved = [second_factors.seal("11111111"), second_factors.seal("22222222")]
    other = User.objects.create_user("otto")
    Authenticator.objects.create(user=other, type="recovery_codes", data={"migrated_codes": moved, "used_mask": 0})
    return seed


def rotated(settings: Any) -> None:
    settings.ENCRYPTION_KEYS = {2: NEW, **settings.ENCRYPTION_KEYS}


def codes() -> list[list[str]]:
    return [row.wrap().get_unused_codes() for row in Authenticator.objects.filter(type="recovery_codes").order_by("pk")]


def test_every_seed_and_code_opens_without_the_old_key(seed: str, settings: Any) -> None:
    before = codes()
    rotated(settings)
    assert second_factors.by_version() == {1: 3}
    assert actions.reseal_second_factors(actor="ops") == actions.Resealed(3, ())
    settings.ENCRYPTION_KEYS = {2: NEW}
    assert second_factors.by_version() == {2: 3}
    assert second_factors.open_sealed(Authenticator.objects.get(type="totp").data["secret"]) == seed
    assert codes() == before
    assert actions.reseal_second_factors(actor="ops") == actions.Resealed(0, ())
    entries = AuditEntry.objects.filter(action="second_factor.reseal")
    assert [entry.changes for entry in entries] == [{"key_version": [1, 2]}] * 3
    assert seed not in str(list(entries.values()))


def test_the_command_calls_no_key_droppable_while_a_second_factor_needs_it(seed: str, settings: Any) -> None:
    Authenticator.objects.filter(type="totp").update(data={"secret": "1:" + "A" * 60})
    rotated(settings)
    with pytest.raises(CommandError, match="Encryption key 1 is still needed") as refused:
        call_command("rotate_secrets")
    assert "alice" in str(refused.value) and "may be dropped" not in str(refused.value)
    assert second_factors.by_version() == {1: 1, 2: 2}


def test_the_command_tells_how_many_of_which_kind(seed: str, settings: Any) -> None:
    rotated(settings)
    out = StringIO()
    call_command("rotate_secrets", "--json", stdout=out)
    told = json.loads(out.getvalue())
    assert (told["resealed"], told["rows_by_version"], told["droppable"]) == (3, {"2": 3}, [1])


def test_the_doctor_knows_them(seed: str) -> None:
    def level(*keys: int) -> str:
        found = sealed.check(peppers=[1], encryption_keys=keys)
        return next(one.level for one in found if one.name == "second factors")

    assert (level(1), level(2, 1), level(2)) == ("ok", "warn", "fail")


def test_what_its_owner_changes_meanwhile_is_left_alone(
    seed: str, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A recovery code used between reading and writing stays used."""
    row = Authenticator.objects.get(user__username="otto")
    stale = [Authenticator.objects.get(pk=row.pk)]
    row.wrap().validate_code("11111111")
    rotated(settings)
    monkeypatch.setattr(second_factors, "sealed_rows", lambda: stale)
    assert actions.reseal_second_factors(actor="ops").resealed == 0
    row.refresh_from_db()
    assert row.wrap().get_unused_codes() == ["22222222"]


@pytest.mark.parametrize("stored", ["", "7:AAAA", "x:AAAA", "1:", "1:not base64", "1:" + "A" * 60])
def test_what_does_not_open_says_what_to_do(stored: str) -> None:
    with pytest.raises(secrets.CannotDecrypt, match="set up a new one"):
        second_factors.open_sealed(stored)
