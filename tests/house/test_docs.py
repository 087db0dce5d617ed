"""The documents say what the code does, and say all of it."""

import ast
import re

from proxy import gateway  # noqa: F401 - brings every step with its refusals
from proxy.config import Config
from proxy.errors import Refused
from proxy.simulator.failures import Failure
from tests.house import tree

_LINK = re.compile(r"\]\(([^)#\s]+)(#[^)\s]*)?\)")


def _documents() -> dict[str, str]:
    return {tree.name(path): path.read_text() for path in tree.files(".md")}


def test_every_setting_is_documented() -> None:
    text = (tree.ROOT / "docs/configuration.md").read_text()
    assert [field.alias for field in Config.model_fields.values() if f"| `{field.alias}` |" not in text] == []


def test_every_management_command_is_mentioned() -> None:
    text = "\n".join(_documents().values())
    commands = [path.stem for path in tree.files(".py") if path.parent.name == "commands" and path.stem != "__init__"]
    assert len(commands) > 3
    assert [name for name in sorted(commands) if f"manage.py {name}" not in text] == []


def test_every_make_target_is_explained() -> None:
    makefile = (tree.ROOT / "Makefile").read_text()
    phony = re.search(r"^\.PHONY: (.*)$", makefile, re.M)
    assert phony
    targets = [target for target in phony[1].split() if target != "help"]
    assert [target for target in targets if f"make {target} " not in makefile] == []


def test_the_architecture_quotes_the_path_of_a_call() -> None:
    source = (tree.ROOT / "proxy/pipeline.py").read_text()
    functions = (node for node in ast.parse(source).body if isinstance(node, ast.AsyncFunctionDef | ast.FunctionDef))
    path = next(node for node in functions if node.name == "run")
    quoted = "\n".join(source.splitlines()[path.lineno - 1 : path.end_lineno])
    assert quoted in (tree.ROOT / "docs/architecture.md").read_text()


def test_every_refusal_is_explained_with_its_status_and_type() -> None:
    text = (tree.ROOT / "docs/errors.md").read_text()
    refusals = [kind for kind in _kinds_of(Refused) if not issubclass(kind, Failure)]  # the simulator plays an upstream
    assert len(refusals) > 8
    rows = {kind.__name__: f"| `{kind.__name__}` | {kind.status} | `{kind.type}` |" for kind in refusals}
    missing = [name for name, row in rows.items() if row not in text]
    assert missing == []


def _kinds_of(kind: type[Refused]) -> list[type[Refused]]:
    below = [found for child in kind.__subclasses__() for found in [child, *_kinds_of(child)]]
    return [found for found in below if found.__module__.startswith("proxy.")]


def test_links_between_documents_lead_somewhere() -> None:
    broken = []
    for name, text in _documents().items():
        for target, _ in _LINK.findall(text):
            is_ours = "://" not in target and not target.startswith("mailto:")
            if is_ours and not (tree.ROOT / name).parent.joinpath(target).exists():
                broken.append(f"{name}: {target}")
    assert broken == []
