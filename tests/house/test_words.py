"""What no file of the project says."""

import re

from tests.house import tree

_TEXTS = (".py", ".md", ".html", ".css", ".toml", ".in", ".yaml", ".yml", ".sh", "Makefile", "run", "lint", "test")
_MACHINE_PATH = re.compile(r"(?<![\w./])/(?:work|home|root|Users)/\w")
# Work that is left belongs where it can be planned; a mark in the code is found by nobody.
_LEFT_OVER = re.compile(r"\b(?:TO" + r"DO|FIX" + r"ME|XX" + r"X)\b")


def _lines_with(pattern: re.Pattern[str]) -> list[str]:
    found = []
    for path in tree.files(*_TEXTS):
        for number, line in enumerate(path.read_text().splitlines(), start=1):
            if pattern.search(line):
                found.append(f"{tree.name(path)}:{number}: {line.strip()[:100]}")
    return found


def test_no_path_of_somebodys_machine() -> None:
    assert _lines_with(_MACHINE_PATH) == []


def test_no_unfinished_work_is_marked_in_the_code() -> None:
    assert _lines_with(_LEFT_OVER) == []


def test_both_would_be_noticed() -> None:
    assert _MACHINE_PATH.search("see " + "/home" + "/alice/notes")
    assert _LEFT_OVER.search("# TO" + "DO: later")
