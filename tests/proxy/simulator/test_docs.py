import re
from pathlib import Path

import pytest

from proxy.simulator import directives
from proxy.simulator.directives import KNOWN

DOCUMENT = (Path(__file__).parents[3] / "docs" / "simulator.md").read_text()
EXAMPLES = [line for line in DOCUMENT.splitlines() if line.startswith(directives.MARK)]


def test_exactly_the_known_directives_are_documented() -> None:
    table = DOCUMENT.split("| Directive |")[1].split("\n\n")[0]
    assert set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)) == KNOWN.keys()


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_documents_examples_can_be_followed(example: str) -> None:
    line = example.replace("'\"$PWD\"'", "/tmp").removesuffix("'")
    assert directives.parse(line)[0] != directives.NOTHING


def test_the_document_has_examples() -> None:
    assert len(EXAMPLES) >= 10
