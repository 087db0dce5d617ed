"""The shelf over the real library: passages of one's own tenant, in time, or a reason why not."""

import asyncio
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.db import OperationalError

from proxy.call import Wanted
from proxy.knowledge import library
from proxy.knowledge.shelf import Shelf, ShelfDown
from proxy.knowledge.turns.memory import Given
from proxy.knowledge.turns.rendering import extract
from tenants import actions
from tenants.models import Collection
from tests.proxy.knowledge.conftest import load, work_off
from tests.proxy.knowledge.fakes import WordVectors

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("_quick_reader")]
WANTED = Wanted(collections=("handbook",), min_score=0.2)
TURN = b"\x01" * 32


@pytest.fixture(autouse=True)
def _in_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """The test's own connection sees what the test has written."""

    monkeypatch.setattr(library, "_in_thread", in_place)
    monkeypatch.setattr("proxy.knowledge.shelf.close_old_connections", lambda: None)


async def in_place(function: Callable[..., Any], *args: Any) -> Any:
    return await sync_to_async(function)(*args)


def find(shelf: Shelf, tenant_id: UUID, question: str) -> list[str]:
    found = async_to_sync(shelf.find)(tenant_id, WANTED, question)
    return [f"{passage.collection}/{passage.document_name}: {passage.text}" for passage in found]


def test_the_same_question_finds_each_tenants_own(handbook: Collection, rival: Collection) -> None:
    load(handbook, "a.md", "Thirty days of leave at acme.")
    load(rival, "g.md", "Forty days of leave at globex.")
    work_off()
    shelf = Shelf(in_place)
    assert find(shelf, handbook.tenant_id, "days of leave") == ["handbook/a.md: Thirty days of leave at acme."]
    assert find(shelf, rival.tenant_id, "Thirty days of leave at acme.") == [
        "handbook/g.md: Forty days of leave at globex."
    ]


def test_it_remembers_for_another_process(handbook: Collection) -> None:
    load(handbook, "a.md", "Thirty days of leave.")
    work_off()
    found = async_to_sync(Shelf(in_place).find)(handbook.tenant_id, WANTED, "days of leave")
    given = Given("document", [extract(passage) for passage in found])
    async_to_sync(Shelf(in_place).remember)(handbook.tenant_id, TURN, given)
    assert async_to_sync(Shelf(in_place).recall)(handbook.tenant_id, [TURN]) == {TURN: given}
    assert async_to_sync(Shelf(in_place).recall)(handbook.tenant_id, []) == {}


def test_a_model_that_rests_and_a_collection_that_is_gone_are_told(handbook: Collection) -> None:
    load(handbook, "a.md", "Thirty days of leave.")
    work_off()
    WordVectors.is_down = True
    with pytest.raises(ShelfDown, match=r"The model rests\."):
        find(Shelf(in_place), handbook.tenant_id, "days of leave")
    actions.delete_collection(actor="test", collection=handbook)
    with pytest.raises(ShelfDown, match="there is no collection 'handbook' any more"):
        find(Shelf(in_place), handbook.tenant_id, "days of leave")


async def test_it_waits_no_longer_than_a_request_can(monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(*_args: Any) -> Any:
        await asyncio.Event().wait()

    monkeypatch.setattr(library, "search", never)
    with pytest.raises(ShelfDown, match=r"it took longer than 0\.01 seconds"):
        await Shelf(in_place, deadline_seconds=0.01).find(UUID(int=1), WANTED, "leave")


async def test_a_database_that_is_away_is_told_where_it_is_asked_and_passed_over_where_it_only_remembers() -> None:
    async def away(*_args: Any) -> Any:
        raise OperationalError("no")

    with pytest.raises(ShelfDown, match=r"the database cannot be asked \(OperationalError\)"):
        await Shelf(away).recall(UUID(int=1), [TURN])
    await Shelf(away).remember(UUID(int=1), TURN, Given("text", []))
