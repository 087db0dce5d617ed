"""Documents come, change and go: nothing twice, nothing lost, nothing left."""

from datetime import timedelta
from pathlib import Path

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from proxy.knowledge import documents, indexes, library, removal
from proxy.knowledge.documents import Facts
from proxy.knowledge.ingestion import queue, work
from proxy.knowledge.library import Wish
from proxy.knowledge.models import Chunk, Document, Entry, Index, Removal
from proxy.knowledge.passages import Filters
from proxy.knowledge.stores import StoreDown
from proxy.knowledge.stores.embedded import Embedded
from tenants import actions
from tenants.models import AuditEntry, Collection, Tenant
from tests.proxy.knowledge.conftest import load, work_off
from tests.proxy.knowledge.fakes import WordVectors

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("_quick_reader")]
LEAVE = "# Leave\nEverybody has thirty days of leave.\n\n# Travel\nTrains are booked by the office.\n"


def found(collection: Collection, question: str, **wish: object) -> list[str]:
    passages = library.search_blocking(
        collection.tenant_id,
        [collection.name],
        question,
        Wish(**wish),  # type: ignore[arg-type]
    )
    return [passage.text for passage in passages]


def test_a_file_becomes_passages_that_a_question_finds(handbook: Collection, woken: list[str]) -> None:
    row = load(handbook, "leave.md", LEAVE, tags=["hr"])
    assert row.status == Document.Status.QUEUED
    assert work_off() == 1
    row.refresh_from_db()
    assert row.reason == ""
    assert (row.status, row.progress, row.title, row.attempts) == (Document.Status.INDEXED, 100, "Leave", 1)
    [best, *_] = library.search_blocking(handbook.tenant_id, ["handbook"], "how many days of leave")
    assert (best.text, best.heading, best.place) == (
        "Everybody has thirty days of leave.",
        "Leave",
        "Leave, Leave",
    )
    assert best.scores.vector > 0.3 and best.scores.words > 0 and best.scores.total == pytest.approx(1)


def test_the_same_content_again_is_read_once(handbook: Collection) -> None:
    load(handbook, "leave.md", LEAVE)
    work_off()
    again = documents.load(actor="test", collection=handbook, name="leave.md", content=[LEAVE.encode()])
    assert (again.became, work_off(), WordVectors.asked) == ("unchanged", 0, 2)
    assert len(list(removal.folder().rglob("*/*/*"))) == 1


def test_a_changed_document_is_seen_as_it_was_until_the_new_one_is_whole(handbook: Collection) -> None:
    load(handbook, "leave.md", LEAVE)
    work_off()
    load(handbook, "leave.md", "Everybody has forty days.")
    assert found(handbook, "how many days", top_k=1) == ["Everybody has thirty days of leave."]
    work_off()
    assert found(handbook, "how many days") == ["Everybody has forty days."]
    assert Chunk.objects.count() == 1


def test_an_unreadable_file_fails_with_a_sentence_and_a_better_one_heals_it(handbook: Collection) -> None:
    row = load(handbook, "leave.pdf", b"\x89PNG\r\n\x1a\n")
    work_off()
    row.refresh_from_db()
    assert (row.status, row.attempts) == (Document.Status.FAILED, 1)
    assert row.reason.startswith("The file is a picture.")
    assert documents.reindex(actor="test", document=row).status == Document.Status.QUEUED


def test_a_model_that_is_down_is_tried_three_times_with_pauses(
    handbook: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    WordVectors.is_down = True
    row = load(handbook, "leave.md", LEAVE)
    assert (work_off(), queue.waiting()) == (1, 0)  # the next attempt is later
    indexes.requeue(Document.objects.all())
    monkeypatch.setattr(queue, "WAIT_SECONDS", (0.0, 0.0))
    assert work_off() == 3
    row.refresh_from_db()
    assert (row.status, row.reason, row.attempts) == (Document.Status.FAILED, "The model rests.", 3)


def test_a_store_that_is_away_is_waited_for(handbook: Collection, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_arguments: object) -> None:
        raise StoreDown("The store rests.")

    monkeypatch.setattr(queue, "WAIT_SECONDS", (0.0, 0.0))
    with monkeypatch.context() as broken:
        broken.setattr(Embedded, "add", away)
        row = load(handbook, "leave.md", LEAVE)
        for _ in range(5):
            claimed = queue.claim()
            assert claimed is not None
            work.ingest(claimed)
        row.refresh_from_db()
        assert (row.status, row.reason) == (Document.Status.QUEUED, "The store rests.")
    assert work_off() == 1
    row.refresh_from_db()
    assert (row.status, row.reason) == (Document.Status.INDEXED, "")


def test_a_worker_that_dies_is_relieved_and_a_document_that_kills_workers_fails(handbook: Collection) -> None:
    row = load(handbook, "leave.md", LEAVE)
    for _ in range(queue.MOST_ATTEMPTS):
        assert queue.claim(seconds=-1) is not None  # and its process is killed
        assert queue.claim() is None
        queue.release_lost()
    row.refresh_from_db()
    assert row.status == Document.Status.FAILED
    assert row.reason.startswith("It could not be read: its worker stopped 3 times.")


def test_who_lost_its_claim_writes_nothing(handbook: Collection) -> None:
    row = load(handbook, "leave.md", LEAVE)
    slow = queue.claim(seconds=-1)
    queue.release_lost()
    assert work_off() == 1
    assert slow is not None
    work.ingest(slow)
    assert (Entry.objects.count(), Chunk.objects.count()) == (1, 2)
    row.refresh_from_db()
    assert row.status == Document.Status.INDEXED


def test_a_document_replaced_or_cancelled_while_it_is_read_ends_right(handbook: Collection) -> None:
    row = load(handbook, "leave.md", LEAVE)
    early = queue.claim()
    load(handbook, "leave.md", "Everybody has forty days.")
    assert early is not None
    work.ingest(early)
    assert Entry.objects.count() == 0
    late = queue.claim()
    documents.cancel(actor="test", document=row)
    assert late is not None
    work.ingest(late)
    row.refresh_from_db()
    assert (row.status, Entry.objects.count()) == (Document.Status.CANCELLED, 0)


def test_one_tenants_thousand_do_not_delay_anothers_one(handbook: Collection, rival: Collection) -> None:
    for number in range(6):
        load(handbook, f"{number}.txt", f"Number {number}")
    load(rival, "single.txt", "The only one")
    order = []
    while claimed := queue.claim():
        order.append(claimed.document.name)
        work.ingest(claimed)
    assert order.index("single.txt") <= 1
    assert len(order) == 7


def test_a_thousand_waiting_documents_of_one_tenant_leave_anothers_one_next(
    handbook: Collection, rival: Collection
) -> None:
    many = [
        Document(
            tenant_id=handbook.tenant_id,
            collection=handbook,
            name=f"{number}.txt",
            path=f"{number}",
            queued_at=timezone.now() - timedelta(hours=1),
        )
        for number in range(1000)
    ]
    Document.objects.bulk_create(many)
    for _worker in range(3):
        assert queue.claim() is not None  # three are busy with the thousand
    load(rival, "single.txt", "The only one")
    claimed = queue.claim()
    assert claimed is not None and claimed.document.name == "single.txt"


def test_filters_tags_and_least_scores_narrow_a_search(handbook: Collection) -> None:
    load(handbook, "a.txt", "Leave in Rome", tags=["hr", "it"], metadata={"country": "it"})
    load(handbook, "b.txt", "Leave in Berlin", tags=["hr"], metadata={"country": "de"})
    work_off()
    assert sorted(found(handbook, "leave")) == ["Leave in Berlin", "Leave in Rome"]
    assert found(handbook, "leave", filters=Filters(tags=["it"])) == ["Leave in Rome"]
    assert found(handbook, "leave", filters=Filters(metadata={"country": "de"})) == ["Leave in Berlin"]
    assert found(handbook, "leave", filters=Filters(tags=["it"], metadata={"country": "de"})) == []
    assert found(handbook, "bananas", min_score=0.5) == []
    documents.change(actor="test", document=Document.objects.get(name="b.txt"), facts=Facts(tags=["it"]))
    assert len(found(handbook, "leave", filters=Filters(tags=["it"]))) == 2


def test_a_deleted_document_leaves_no_byte(handbook: Collection, tmp_path: Path) -> None:
    row = load(handbook, "leave.md", LEAVE)
    load(handbook, "other.md", "Something else entirely")
    work_off()
    documents.delete(actor="test", document=row)
    assert found(handbook, "days of leave", mode="words") == []
    assert removal.sweep() == 2
    assert (Document.objects.count(), Chunk.objects.count(), Removal.objects.count()) == (1, 1, 0)
    assert len([path for path in removal.folder().rglob("*") if path.is_file()]) == 1


def test_a_deleted_tenant_leaves_no_byte(acme: Tenant, handbook: Collection, rival: Collection) -> None:
    load(handbook, "leave.md", LEAVE)
    load(rival, "leave.md", LEAVE)
    work_off()
    actions.delete_tenant(actor="test", tenant=acme)
    removal.sweep()
    assert (Document.objects.count(), Index.objects.count(), Chunk.objects.count()) == (1, 1, 2)
    assert [path.name for path in removal.folder().iterdir()] == [str(rival.tenant_id)]
    assert len(found(rival, "leave")) == 2


def test_another_way_of_cutting_is_built_while_the_old_index_answers(
    handbook: Collection, django_capture_on_commit_callbacks: object
) -> None:
    load(handbook, "leave.md", LEAVE * 10)
    work_off()
    before = found(handbook, "days of leave", top_k=1)
    changed = actions.change_collection(actor="test", collection=handbook, chunk_tokens=400, chunk_overlap=0)
    indexes.follow(changed)
    indexes.follow(changed)
    assert Index.objects.count() == 2
    assert found(handbook, "days of leave", top_k=1) == before
    WordVectors.is_down = True
    assert work_off() == 1
    assert (Index.objects.count(), found(handbook, "leave", mode="words", top_k=1)) == (2, before)
    WordVectors.is_down = False
    documents.reindex(actor="test", document=Document.objects.get())
    work_off()
    index = Index.objects.get()
    assert (index.state, index.chunk_tokens, index.model) == (Index.State.SERVING, 400, "words")
    assert Chunk.objects.count() == Entry.objects.get().chunk_count > 0


@pytest.mark.parametrize(
    ("name", "facts", "field"),
    [
        ("leave.exe", {}, "file"),
        ("../leave.md", {}, "name"),
        ("", {}, "name"),
        ("a\nb.md", {}, "name"),
        ("leave.md", {"tags": ["x" * 101]}, "tags"),
        ("leave.md", {"metadata": {"a": 1}}, "metadata"),
        ("leave.md", {"title": "a\x00"}, "title"),
    ],
)
def test_a_wrong_upload_names_its_field_and_leaves_nothing(
    handbook: Collection, name: str, facts: dict[str, object], field: str
) -> None:
    with pytest.raises(ValidationError) as refused:
        load(handbook, name, LEAVE, **facts)
    assert list(refused.value.message_dict) == [field]
    assert not [path for path in removal.folder().rglob("*") if path.is_file()]


def test_limits_of_a_tenant_hold(handbook: Collection, monkeypatch: pytest.MonkeyPatch, settings: object) -> None:
    small = settings.CONFIG.model_copy(update={"max_documents": 1, "max_document_bytes": 2000})  # type: ignore[attr-defined]
    monkeypatch.setattr(settings, "CONFIG", small)
    with pytest.raises(ValidationError, match="larger than"):
        load(handbook, "large.txt", "x" * 3000)
    load(handbook, "one.txt", "x")
    with pytest.raises(ValidationError, match="keeps 1 documents"):
        load(handbook, "two.txt", "x")
    assert len([path for path in removal.folder().rglob("*") if path.is_file()]) == 1


def test_what_is_done_is_audited(handbook: Collection) -> None:
    row = load(handbook, "leave.md", LEAVE)
    documents.change(actor="test", document=row, facts=Facts(title="New"))
    documents.cancel(actor="test", document=row)
    documents.delete(actor="test", document=row)
    done = list(
        AuditEntry.objects.filter(action__startswith="document.").order_by("revision").values_list("action", flat=True)
    )
    assert done == ["document.load", "document.change", "document.cancel", "document.delete"]
