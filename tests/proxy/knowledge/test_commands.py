"""The commands: a folder is loaded, again without work, and collections move with their counts."""

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from proxy.knowledge import library, moving, stores
from proxy.knowledge.models import Index
from tenants.models import Collection
from tests.proxy.knowledge.conftest import load, work_off

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("_quick_reader")]


def run(*arguments: str) -> Any:
    out = StringIO()
    call_command(*arguments, "--json", stdout=out, stderr=StringIO())
    return json.loads(out.getvalue())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "docs"
    for name in ("a.md", "below/b.txt", ".hidden/c.txt", "program.bin"):
        path = made / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"Text of {name}")
    (made / "bad.pdf").write_bytes(b"GIF89a")
    return made


def test_a_folder_is_loaded_and_again_without_work(handbook: Collection, folder: Path) -> None:
    arguments = ("load_docs", str(folder), "--tenant", "acme", "--collection", "handbook", "--here")
    first = run(*arguments)
    assert (first["created"], first["waiting"], list(first["failed"])) == (3, 0, ["bad.pdf"])
    again = run(*arguments)
    assert (again["created"], again["unchanged"], again["replaced"]) == (0, 2, 1)  # what failed is tried again
    names = {passage.document_name for passage in library.search_blocking(handbook.tenant_id, ["handbook"], "Text")}
    assert names == {"a.md", "below/b.txt"}


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--tenant", "nobody", "--collection", "handbook"), "tenant: there is none"),
        (("--tenant", "acme", "--collection", "none"), "collection: acme has none of the name 'none'"),
    ],
)
def test_a_wrong_name_is_told(handbook: Collection, folder: Path, arguments: tuple[str, ...], told: str) -> None:
    with pytest.raises(CommandError, match=told):
        call_command("load_docs", str(folder), *arguments)


def test_without_weaviate_nothing_is_moved(handbook: Collection) -> None:
    with pytest.raises(CommandError, match="WEAVIATE_URL is not set"):
        call_command("move_collections", "--tenant", "acme", "--to", "weaviate")


def test_collections_move_there_and_back(
    handbook: Collection, weaviate_address: tuple[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    load(handbook, "leave.md", "# Leave\nThirty days.\n\n# Travel\nBy train.")
    work_off()
    url, grpc = weaviate_address
    moved = settings.CONFIG.model_copy(update={"weaviate_url": url, "weaviate_grpc_port": grpc})
    monkeypatch.setattr(settings, "CONFIG", moved)
    for place in ("weaviate", "embedded"):
        assert run("move_collections", "--tenant", "acme", "--to", place) == {
            "moved": [{"collection": "acme/handbook", "passages": 2}]
        }
        index = Index.objects.get()
        assert index.store == place
        other = {"weaviate": "embedded", "embedded": "weaviate"}[place]
        assert stores.named(other).count(index, [entry.pk for entry in index.entries.all()]) == 0
        [best, *_] = library.search_blocking(handbook.tenant_id, ["handbook"], "days", library.Wish(mode="words"))
        assert best.text == "Thirty days."


def test_a_copy_that_is_not_whole_is_not_used(handbook: Collection, monkeypatch: pytest.MonkeyPatch) -> None:
    load(handbook, "leave.md", "Thirty days.")
    work_off()
    monkeypatch.setattr(stores.named("embedded"), "count", lambda *_arguments: 7)
    with pytest.raises(moving.Incomplete, match="1 passages, 1 read, 7 in Embedded"):
        moving.move(Index.objects.get(), Index.Store.EMBEDDED)
