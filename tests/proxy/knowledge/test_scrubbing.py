"""Nothing personal leaves with documents or questions, and a collection may keep none."""

import asyncio
import re
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from asgiref.sync import async_to_sync

from proxy.call import Privacy, Wanted
from proxy.knowledge import indexes, library, scrubbing
from proxy.knowledge.ingestion import queue
from proxy.knowledge.library import QuestionRefused, SearchDown, Wish
from proxy.knowledge.models import Chunk, Document
from proxy.knowledge.shelf import Shelf
from proxy.privacy.detection.detector import DetectionUnavailable, Found
from proxy.privacy.findings import Finding
from proxy.privacy.rules import Mode, Rules
from tenants import actions
from tenants.models import Collection, Tenant, Upstream
from tests.proxy.knowledge.conftest import load, work_off
from tests.proxy.knowledge.listening import Listening
from tests.proxy.knowledge.test_shelf import in_place

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("_quick_reader", "upstream", "detector")]
MAIL = "priya@example.com"
TEXT = f"Write to {MAIL} for leave."
_ADDRESS = re.compile(r"[\w.]+@[\w.]+\w")


class FakeDetector:
    """Finds addresses of mail."""

    is_down = False

    async def find(self, texts: Sequence[str], _rules: Rules, _key: bytes) -> list[Found]:
        if self.is_down:
            raise DetectionUnavailable("The workers rest.")
        return [tuple(self._findings(text)) for text in texts]

    @staticmethod
    def _findings(text: str) -> Iterator[Finding]:
        for match in _ADDRESS.finditer(text):
            yield Finding(match.start(), match.end(), "EMAIL_ADDRESS", 1.0)


@pytest.fixture
def detector(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeDetector]:
    made = FakeDetector()

    async def make() -> Any:
        return made

    process = scrubbing._Process()
    monkeypatch.setattr(scrubbing, "_made", make)
    monkeypatch.setattr(scrubbing, "_process", process)
    yield made
    if process.own is not None:
        process.own.loop.call_soon_threadsafe(process.own.loop.stop)


def private(tenant: Tenant, mode: str) -> None:
    actions.change_tenant(actor="test", tenant=tenant, pii={"mode": mode})


def remote(tenant: Tenant, **options: Any) -> Collection:
    return actions.add_collection(actor="test", tenant=tenant, name="far", embedding="main/small", **options)


def sent(listening: Listening) -> list[str]:
    return [text for _path, _credential, asked in listening.asked for text in asked["input"]]


def read(collection: Collection, text: str = TEXT) -> Document:
    row = load(collection, "leave.txt", text)
    work_off()
    row.refresh_from_db()
    return row


@pytest.mark.parametrize(("mode", "told"), [("pseudonymize", "[EMAIL_ADDRESS_"), ("redact", "[EMAIL_ADDRESS]")])
def test_what_leaves_for_its_vector_is_scrubbed_and_what_is_kept_is_not(
    acme: Tenant, listening: Listening, mode: str, told: str
) -> None:
    private(acme, mode)
    collection = remote(acme)
    assert read(collection).status == Document.Status.INDEXED
    [passage] = library.search_blocking(acme.pk, ["far"], f"Who is {MAIL}?", Wish(min_score=-1))
    assert passage.text == TEXT and passage.scores.words > 0
    assert len(sent(listening)) == 2
    assert all(told in text and MAIL not in text for text in sent(listening))


def test_without_privacy_texts_leave_as_they_are(acme: Tenant, listening: Listening) -> None:
    read(remote(acme))
    private(acme, "monitor")
    library.search_blocking(acme.pk, ["far"], MAIL)
    assert [MAIL in text for text in sent(listening)] == [True, True]


def test_what_may_not_leave_fails_its_document_and_its_question_with_a_sentence(
    acme: Tenant, listening: Listening, monkeypatch: pytest.MonkeyPatch
) -> None:
    collection = remote(acme)
    read(collection, "Nothing personal.")
    private(acme, "block")
    row = read(collection)
    assert (row.status, row.attempts) == (Document.Status.FAILED, 1)
    assert row.reason.startswith(
        "The document holds personal data that your organisation does not let out (EMAIL_ADDRESS)."
    )
    with pytest.raises(QuestionRefused, match="The question holds .* \\(EMAIL_ADDRESS\\)"):
        library.search_blocking(acme.pk, ["far"], MAIL)
    monkeypatch.setattr(library, "_in_thread", in_place)
    assert async_to_sync(Shelf().find)(acme.pk, Wanted(collections=("far",)), MAIL) == []
    assert sent(listening) == ["Nothing personal."]


def test_a_key_that_is_stricter_than_its_tenant_is_heeded(acme: Tenant, listening: Listening) -> None:
    read(remote(acme), "Nothing personal.")
    strict = Privacy(Rules(default_mode=Mode.REDACT), b"key")
    library.search_blocking(acme.pk, ["far"], MAIL, asker=strict)
    assert sent(listening)[-1] == "[EMAIL_ADDRESS]"


def test_what_could_not_be_searched_is_not_sent(
    acme: Tenant, listening: Listening, detector: FakeDetector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "WAIT_SECONDS", (0.0, 0.0))
    private(acme, "redact")
    collection = remote(acme)
    detector.is_down = True
    row = read(collection)
    assert (row.status, row.attempts) == (Document.Status.FAILED, 3)
    assert row.reason == "It could not be searched for personal data. The workers rest."
    detector.is_down = False
    read(collection, "Nothing personal.")
    detector.is_down = True
    with pytest.raises(SearchDown):
        library.search_blocking(acme.pk, ["far"], MAIL)
    assert not any(MAIL in text for text in sent(listening))
    actions.change_tenant(actor="test", tenant=acme, pii={"mode": "redact", "on_failure": "open"})
    library.search_blocking(acme.pk, ["far"], MAIL)
    assert sent(listening)[-1] == MAIL


def test_a_collection_may_keep_no_personal_data_and_finds_by_its_stand_in(acme: Tenant) -> None:
    private(acme, "pseudonymize")
    collection = actions.add_collection(actor="test", tenant=acme, name="clean", personal_data="scrub")
    read(collection, f"# About {MAIL}\n{TEXT}")
    [kept] = Chunk.objects.values_list("text", flat=True)
    assert MAIL not in kept and "[EMAIL_ADDRESS_" in kept
    assert MAIL not in Document.objects.get().title
    [passage] = library.search_blocking(acme.pk, ["clean"], MAIL, Wish(mode="words"))
    assert passage.text == kept


def test_a_collection_that_is_to_keep_none_from_now_on_is_read_again(acme: Tenant, handbook: Collection) -> None:
    private(acme, "redact")
    read(handbook)
    changed = actions.change_collection(actor="test", collection=handbook, personal_data="scrub")
    indexes.follow(changed)
    work_off()
    assert Chunk.objects.get().text == "Write to [EMAIL_ADDRESS] for leave."


def test_a_web_process_lends_its_own_detector(acme: Tenant) -> None:
    private(acme, "redact")

    async def ask() -> list[str]:
        scrubbing.use(FakeDetector())  # type: ignore[arg-type]
        found = await scrubbing.scrubbed(acme.pk, [MAIL], Privacy(Rules(default_mode=Mode.REDACT), b"key"))
        scrubbing.use(None)
        return found

    assert asyncio.run(ask()) == ["[EMAIL_ADDRESS]"]
    assert scrubbing._process.own is None
    assert Upstream.objects.count() == 1
