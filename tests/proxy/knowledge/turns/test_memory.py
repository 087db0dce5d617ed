"""What a turn was given is given again, as long as its conversation goes on and its documents are there."""

from datetime import UTC, datetime

import pytest

from proxy.knowledge import documents
from proxy.knowledge.models import GivenPassage, GivenTurn
from proxy.knowledge.turns import memory
from proxy.knowledge.turns.memory import LIFE, Given
from proxy.knowledge.turns.rendering import Extract
from tenants import actions
from tenants.models import Collection, Tenant
from tests.proxy.knowledge.conftest import load

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 3, 1, tzinfo=UTC)
TURN, OTHER = b"\x01" * 32, b"\x02" * 32


def given(collection: Collection, *names: str) -> Given:
    extracts = [
        Extract(load(collection, name, name).pk, collection.name, f"handbook/{name}", name, f"Text of {name}")
        for name in names
    ]
    return Given("search_result", extracts)


def recalled(tenant: Tenant, at: datetime = NOW) -> dict[bytes, Given]:
    return memory.recall(tenant.pk, [TURN, OTHER], at)


def test_it_is_given_again_in_its_order(acme: Tenant, handbook: Collection) -> None:
    first, nothing = given(handbook, "b.md", "a.md"), Given("text", [])
    memory.remember(acme.pk, TURN, first, NOW)
    memory.remember(acme.pk, OTHER, nothing, NOW)
    assert recalled(acme) == {TURN: first, OTHER: nothing}
    later = given(handbook, "c.md")
    memory.remember(acme.pk, TURN, later, NOW)
    assert recalled(acme)[TURN] == later


def test_another_tenant_has_none_of_it(acme: Tenant, globex: Tenant, handbook: Collection) -> None:
    memory.remember(acme.pk, TURN, given(handbook, "a.md"), NOW)
    assert recalled(globex) == {}


def test_it_is_forgotten_when_nobody_comes_back(acme: Tenant, handbook: Collection) -> None:
    memory.remember(acme.pk, TURN, given(handbook, "a.md"), NOW)
    assert TURN in recalled(acme, NOW + LIFE * 0.9), "and seen again it lives on"
    assert TURN in recalled(acme, NOW + LIFE * 1.8)
    assert recalled(acme, NOW + LIFE * 3) == {}
    memory.remember(acme.pk, OTHER, Given("text", []), NOW + LIFE * 3)
    memory.forget(NOW + LIFE * 3)
    assert (GivenTurn.objects.count(), GivenPassage.objects.count()) == (1, 0)


def test_what_is_deleted_is_given_to_nobody_again(acme: Tenant, handbook: Collection) -> None:
    memory.remember(acme.pk, TURN, given(handbook, "a.md", "b.md"), NOW)
    documents.delete(actor="test", document=handbook.documents.get(name="a.md"))
    [left] = recalled(acme)[TURN].extracts
    assert left.title == "b.md"
    actions.delete_collection(actor="test", collection=handbook)
    assert (recalled(acme)[TURN].extracts, GivenPassage.objects.count()) == ([], 0)
    actions.delete_tenant(actor="test", tenant=acme)
    assert GivenTurn.objects.count() == 0


def test_what_a_key_may_not_use_any_more_is_left_out(handbook: Collection) -> None:
    known = {TURN: given(handbook, "a.md")}
    assert memory.usable(known, {"handbook": False}) == known
    assert memory.usable(known, {"policies": False}) == {TURN: Given("search_result", [])}
