"""How long texts are kept, how much of them, and that they go with their tenant."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from proxy import tasks
from proxy.transcripts import keeper, retention, shelf
from proxy.transcripts.keeper import Taken
from proxy.transcripts.models import Transcript
from proxy.transcripts.sealing import Said
from tenants import actions, secrets, transcript_keys
from tenants.models import Tenant

NOW = timezone.now()


@pytest.fixture
def keeping(acme: Tenant) -> Tenant:
    return actions.change_tenant(actor="test", tenant=acme, transcripts={"enabled": True, "days": 7, "max_mb": 1})


def keep(tenant: Tenant, request_id: str, *, days_ago: float = 0, text: str = "hello", **said: Any) -> None:
    body = b'{"messages":[{"role":"user","content":"%b"}]}' % text.encode()
    at = NOW - timedelta(days=days_ago)
    keeper.write([Taken(request_id, tenant.pk, at, transcript_keys.of(tenant), Said(body, **said))])


def ids() -> list[str]:
    return list(Transcript.objects.values_list("pk", flat=True))


def test_what_was_written_is_read_again(keeping: Tenant) -> None:
    keep(keeping, "req_1", metadata={"team": "red"}, types=("PERSON",))
    row = shelf.one(keeping, "req_1", NOW)
    assert row is not None and b"hello" not in bytes(row.sealed)
    said = shelf.opened(row, keeping)
    assert b"hello" in said.request and said.metadata == {"team": "red"} and list(said.types) == ["PERSON"]
    assert shelf.stock(keeping, NOW).calls == 1


def test_what_is_too_old_is_not_read_and_then_deleted(keeping: Tenant) -> None:
    for number, days in enumerate((9, 6, 1)):
        keep(keeping, f"req_{number}", days_ago=days)
    assert shelf.one(keeping, "req_0", NOW) is None and shelf.stock(keeping, NOW).calls == 2
    tasks.forget_transcripts()
    assert ids() == ["req_1", "req_2"]
    actions.change_tenant(actor="test", tenant=keeping, transcripts={"enabled": False, "days": 2})
    tasks.forget_transcripts()
    assert ids() == ["req_2"]


def test_where_there_is_too_much_the_oldest_goes_first(keeping: Tenant) -> None:
    for number in range(4):
        keep(keeping, f"req_{number}", days_ago=4 - number)
    Transcript.objects.update(bytes=400 * 1024)
    assert retention.forget(NOW) == 2
    assert ids() == ["req_2", "req_3"]


def test_all_of_it_goes_with_its_tenant_and_nothing_comes_after(keeping: Tenant, globex: Tenant) -> None:
    actions.change_tenant(actor="test", tenant=globex, transcripts={"enabled": True})
    globex.refresh_from_db()
    keep(keeping, "req_1")
    keep(globex, "req_2")
    gone = Taken("req_3", keeping.pk, NOW, transcript_keys.of(keeping), Said(b"{}"))
    actions.delete_tenant(actor="test", tenant=keeping)
    keeper.write([gone])
    assert ids() == ["req_2"]


def test_one_tenant_s_text_is_not_found_or_opened_by_another(keeping: Tenant, globex: Tenant) -> None:
    row = actions.change_tenant(actor="test", tenant=globex, transcripts={"enabled": True})
    keep(keeping, "req_1")
    assert shelf.one(row, "req_1", NOW) is None
    with pytest.raises(secrets.CannotDecrypt):
        shelf.opened(Transcript.objects.get(pk="req_1"), row)


def test_a_request_is_kept_once(keeping: Tenant) -> None:
    keep(keeping, "req_1")
    keep(keeping, "req_1", text="something else")
    assert b"hello" in shelf.opened(Transcript.objects.get(pk="req_1"), keeping).request


def test_everything_can_be_deleted_at_once(keeping: Tenant) -> None:
    for number in range(3):
        keep(keeping, f"req_{number}")
    assert retention.forget_all(keeping) == 3 and ids() == []
