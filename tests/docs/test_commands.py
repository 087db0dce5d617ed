"""Every command block of the README and the quickstarts, run as a reader would."""

import os
import venv
from collections.abc import Iterator

import pytest

from tests.docs.blocks import Block, blocks
from tests.docs.reader import Reader
from tests.house.tree import ROOT
from tests.journeys import dev

DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("quickstart-*.md"))]
BLOCKS = [block for path in DOCUMENTS if path.exists() for block in blocks(path.name, path.read_text())]
pytestmark = [pytest.mark.slow, pytest.mark.clients, pytest.mark.xdist_group("docs")]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dev.Run]:
    with dev.running(tmp_path_factory.mktemp("docs") / "var") as run:
        run.wait_for("Ready after")
        yield run


@pytest.fixture(scope="module")
def readers(server: dev.Run, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Reader]:
    address, key = f"http://127.0.0.1:{server.port}", dev.SECRET.findall(server.said())[0]
    env = {name: os.environ[name] for name in ("LANG", "SSL_CERT_FILE", "PIP_INDEX_URL") if name in os.environ}
    env["LLMP_DATA_DIR"] = str(server.data_dir)
    folder = tmp_path_factory.mktemp("readers")
    venv.create(folder / "venv", with_pip=True)
    python = folder / "venv/bin/python"
    names = {block.document for block in BLOCKS}
    return {name: Reader(folder / name, python=python, address=address, key=key, env=env) for name in names}


@pytest.mark.parametrize("block", BLOCKS, ids=str)
def test_the_block_does_what_it_says(block: Block, readers: dict[str, Reader]) -> None:
    readers[block.document].run(block)


def test_each_document_has_something_to_run() -> None:
    documents = {block.document for block in BLOCKS}
    assert [path.name for path in DOCUMENTS if path.name not in documents] == []
