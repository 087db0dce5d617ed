"""What is installed is pinned by hash, and each thing we chose has a reason."""

import re

import pytest

from tests.house import tree

_NAME = re.compile(r"^([A-Za-z0-9._-]+)")


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _chosen(file: str) -> list[str]:
    lines = (tree.ROOT / file).read_text().splitlines()
    return [_canonical(found[1]) for line in lines if not line.startswith("-") and (found := _NAME.match(line))]


def _locked(file: str) -> dict[str, str]:
    """Each locked package with all that stands after its name."""
    text = (tree.ROOT / file).read_text().replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line.strip() and not line.strip().startswith("#")]
    return {_canonical(found[1]): line for line in lines if (found := _NAME.match(line))}


@pytest.mark.parametrize(
    ("file", "least"), [("requirements.txt", 10), ("requirements-dev.txt", 10), ("requirements-models.txt", 1)]
)
def test_every_package_is_pinned_and_hashed(file: str, least: int) -> None:
    locked = _locked(file)
    assert len(locked) >= least
    loose = [name for name, line in locked.items() if "==" not in line or "--hash=sha256:" not in line]
    assert loose == []


@pytest.mark.parametrize("name", ["requirements", "requirements-dev", "requirements-models"])
def test_what_was_chosen_is_locked(name: str) -> None:
    locked = _locked(f"{name}.txt")
    assert [package for package in _chosen(f"{name}.in") if package not in locked] == []


def test_the_two_locks_agree() -> None:
    version = re.compile(r"==([^\s;]+)")
    run, check = _locked("requirements.txt"), _locked("requirements-dev.txt")
    differing = [
        name for name in run.keys() & check.keys() if version.findall(run[name]) != version.findall(check[name])
    ]
    assert differing == []


@pytest.mark.parametrize("file", ["requirements.in", "requirements-dev.in", "requirements-models.in"])
def test_every_choice_has_a_reason_and_a_licence(file: str) -> None:
    rows = {}
    for line in (tree.ROOT / "docs/dependencies.md").read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 3:
            rows[_canonical(cells[0].strip("`"))] = cells[1:]
    unexplained = [name for name in _chosen(file) if not all(len(cell) > 2 for cell in rows.get(name, [""]))]
    assert unexplained == []
