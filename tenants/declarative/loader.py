"""YAML as plain values: no tags that make objects, no field given twice, a line number with every complaint."""

import re
from collections.abc import Hashable
from typing import Any

import yaml

_MERGE = "tag:yaml.org,2002:merge"
_TIMESTAMP = "tag:yaml.org,2002:timestamp"
_BOOL = "tag:yaml.org,2002:bool"


class NotYaml(ValueError):
    """The text is not the YAML that is accepted here. The message never quotes the text: secrets may be in it."""


class _Loader(yaml.SafeLoader):
    # Moments stay text, so that a wrong one is reported with its field and not with its line.
    yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in resolvers if tag not in (_TIMESTAMP, _BOOL)]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen = set()
        for key_node, _value in node.value if isinstance(node, yaml.MappingNode) else ():
            if key_node.tag == _MERGE:
                continue
            if not isinstance(key_node, yaml.ScalarNode):
                raise _complaint("a field's name must be a text", key_node)
            if key_node.value in seen:
                raise _complaint(f"the field {key_node.value!r} is given twice", key_node)
            seen.add(key_node.value)
        return super().construct_mapping(node, deep=deep)

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep=deep)
        except (ValueError, KeyError, IndexError, AttributeError) as wrong:  # PyYAML lets them out, e.g. for 0b_
            raise _complaint("the value does not fit its type", node) from wrong


# As in YAML 1.2: `on` is a field of rules, and `no` a country.
_Loader.add_implicit_resolver(_BOOL, re.compile(r"(?:true|True|TRUE|false|False|FALSE)\Z"), list("tTfF"))


def load(text: str) -> Any:
    """The document's value. Raises NotYaml."""
    loader = _Loader("")
    try:
        loader = _Loader(text)
        return loader.get_single_data()
    except yaml.MarkedYAMLError as wrong:
        mark = wrong.problem_mark or wrong.context_mark
        where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        raise NotYaml(f"{where}{wrong.problem or wrong.context}") from None
    except yaml.reader.ReaderError as wrong:
        raise NotYaml(f"character {wrong.position + 1} is not allowed in YAML") from None
    except RecursionError:
        raise NotYaml("the file is nested too deeply") from None
    finally:
        loader.dispose()


def _complaint(problem: str, node: yaml.Node) -> yaml.MarkedYAMLError:
    return yaml.constructor.ConstructorError(None, None, problem, node.start_mark)
