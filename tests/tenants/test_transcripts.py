"""Whether a tenant keeps the text of its calls: what the settings may say, and the key that the text is sealed with."""

from io import StringIO
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.core.management import call_command

from tenants import actions, secrets, transcript_keys, transcripts
from tenants.models import Tenant


def test_nothing_is_kept_unless_somebody_says_so(acme: Tenant) -> None:
    assert transcripts.effective(acme.transcripts) == {"enabled": False, "days": 14, "max_mb": 1024}


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (["on"], "Give an object"),
        ({"enable": True}, "'enable' is unknown. Known here: enabled, days, max_mb"),
        ({"enabled": "yes"}, "enabled: it must be true or false"),
        ({"days": 0}, "days: give a whole number from 1 to 365"),
        ({"days": True}, "days: give a whole number"),
        ({"max_mb": 0.5}, "max_mb: give a whole number"),
    ],
)
def test_what_cannot_be_is_refused_with_the_field_and_the_remedy(acme: Tenant, settings: Any, words: str) -> None:
    with pytest.raises(ValidationError) as refused:
        actions.change_tenant(actor="test", tenant=acme, transcripts=settings)
    assert words in " ".join(refused.value.message_dict["transcripts"])


def test_a_tenant_that_keeps_text_has_a_key_for_it_from_then_on(acme: Tenant) -> None:
    row = actions.change_tenant(actor="test", tenant=acme, transcripts={"days": 3})
    assert row.transcript_key is None
    row = actions.change_tenant(actor="test", tenant=row, transcripts={"enabled": True})
    key = transcript_keys.of(row)
    assert len(key) == 32 and key not in bytes(row.transcript_key or b"")
    row = actions.change_tenant(actor="test", tenant=row, transcripts={})
    assert transcript_keys.of(row) == key  # what was kept can still be read
    assert actions.create_tenant(actor="x", slug="new", name="N", transcripts={"enabled": True}).transcript_key


def test_rotation_seals_the_key_anew_and_leaves_it_as_it_is(acme: Tenant, globex: Tenant, settings: Any) -> None:
    row = actions.change_tenant(actor="test", tenant=acme, transcripts={"enabled": True})
    key, old = transcript_keys.of(row), dict(settings.ENCRYPTION_KEYS)
    settings.ENCRYPTION_KEYS = {2: bytes(range(32)), **old}
    call_command("rotate_secrets", stdout=StringIO())
    settings.ENCRYPTION_KEYS = {2: bytes(range(32))}
    row.refresh_from_db()
    assert (transcript_keys.of(row), transcript_keys.by_version()) == (key, {2: 1})
    globex.transcript_key, globex.transcript_key_version = row.transcript_key, row.transcript_key_version
    with pytest.raises(secrets.CannotDecrypt):
        transcript_keys.of(globex)
