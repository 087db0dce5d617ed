"""Small files and small functions."""

import ast
from pathlib import Path

from tests.house import tree

MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 60
_EXEMPT = ("proxy/settings.py",)


def _sources() -> list[Path]:
    found = [path for path in tree.files(".py") if "migrations" not in path.parts and tree.name(path) not in _EXEMPT]
    assert len(found) > 50, "the tree was not found"
    return found


def _long_functions(source: str) -> list[tuple[str, int]]:
    functions = [
        node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    lengths = [(node.name, (node.end_lineno or 0) - node.lineno + 1) for node in functions]
    return [(name, length) for name, length in lengths if length > MAX_FUNCTION_LINES]


def test_no_file_is_too_long() -> None:
    lengths = {tree.name(path): len(path.read_text().splitlines()) for path in _sources()}
    assert {name: lines for name, lines in lengths.items() if lines > MAX_FILE_LINES} == {}


def test_no_function_is_too_long() -> None:
    long = {tree.name(path): found for path in _sources() if (found := _long_functions(path.read_text()))}
    assert long == {}


def test_a_long_function_would_be_noticed() -> None:
    body = "    pass\n" * MAX_FUNCTION_LINES
    assert _long_functions(f"async def endless():\n{body}") == [("endless", MAX_FUNCTION_LINES + 1)]
