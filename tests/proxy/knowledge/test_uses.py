"""Uses of documents come from records: once each, of one's own tenant, as long as they are kept."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from proxy.knowledge import documents, uses
from proxy.knowledge.models import Document, DocumentUse
from tenants.models import Collection
from tests.proxy.knowledge.conftest import load

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("_quick_reader")]
AT = datetime(2026, 11, 24, 12, tzinfo=UTC)


def row(document: Document, id: str = "req_a", *, passages: int = 1, cited: int = 0, **changed: Any) -> dict[str, Any]:
    """A closed record as the journal has it."""
    given = [{"document": str(document.pk), "source": "handbook/a.md", "total": 1.0}] * passages
    trace = [{"step": "rag", "us": 5, "passages": given}]
    if cited:
        trace.append({"step": "cited", "us": 0, "documents": {str(document.pk): cited}})
    plain = {"id": id, "tenant_id": str(document.tenant_id), "started_at": AT.isoformat(), "trace": trace}
    return {**plain, **changed}


@pytest.fixture
def leave(handbook: Collection) -> Document:
    return load(handbook, "leave.md", "Thirty days.")


def test_a_documents_uses_are_counted(leave: Document) -> None:
    later = (AT + timedelta(hours=1)).isoformat()
    uses.write([row(leave, passages=2, cited=3), row(leave, "req_b", started_at=later)])
    found = uses.of_documents(leave.tenant_id, [leave.pk, uuid4()])
    assert found == {leave.pk: uses.Uses(2, 3, 1, 3, AT + timedelta(hours=1))}
    newest, oldest = uses.recent(leave.tenant_id, leave.pk)
    assert (newest.request_id, newest.passages, newest.citations) == ("req_b", 1, 0)
    assert (oldest.request_id, oldest.used_at, oldest.citations) == ("req_a", AT, 3)
    assert uses.recent(leave.tenant_id, leave.pk, limit=1) == [newest]


def test_a_record_written_again_is_one_use(leave: Document) -> None:
    uses.write([row(leave)])
    uses.write([row(leave), row(leave)])
    assert DocumentUse.objects.count() == 1


def test_other_tenants_neither_count_nor_see_them(leave: Document, rival: Collection) -> None:
    uses.write([row(leave), row(leave, "req_c", tenant_id=str(rival.tenant_id))])
    assert uses.of_documents(rival.tenant_id, [leave.pk]) == {}
    assert uses.recent(rival.tenant_id, leave.pk) == []
    assert [one.request_id for one in uses.recent(leave.tenant_id, leave.pk)] == ["req_a"]


@pytest.mark.parametrize(
    "trace",
    [None, {}, "x", [1], [{"step": "trace", "omitted_bytes": 40000}], [{"passages": [{}]}], [{"passages": "x"}]],
)
def test_traces_without_passages_are_no_uses(leave: Document, trace: Any) -> None:
    uses.write([row(leave, trace=trace), row(leave, "req_b", trace=[{"passages": [{"document": str(uuid4())}]}])])
    assert not DocumentUse.objects.exists()


def test_uses_go_with_their_document_and_after_ninety_days(leave: Document, handbook: Collection) -> None:
    other = load(handbook, "travel.md", "By train.")
    uses.write([row(leave), row(other), row(other, "req_old", started_at=(AT - timedelta(days=91)).isoformat())])
    documents.delete(actor="test", document=leave)
    assert set(DocumentUse.objects.values_list("document_id", "request_id")) == {
        (UUID(str(other.pk)), "req_a"),
        (UUID(str(other.pk)), "req_old"),
    }
    uses.forget(AT)
    assert [one.request_id for one in DocumentUse.objects.all()] == ["req_a"]
