"""From a file's text to the form, with every mistake reported at once, each by the path of its field."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ValidationError

from tenants.declarative import loader
from tenants.declarative.form import (
    AlertForm,
    CollectionForm,
    FileForm,
    KeyForm,
    KeyRagForm,
    RagForm,
    TenantForm,
    UpstreamForm,
)

_FORMS: dict[str, type[BaseModel]] = {
    "tenants": TenantForm,
    "alerts": AlertForm,
    "upstreams": UpstreamForm,
    "keys": KeyForm,
    "keys.rag": KeyRagForm,
    "rag": RagForm,
    "collections": CollectionForm,
}
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_WORDS = {
    "missing": "This field is required.",
    "string_type": "This must be a text; put it in quotes.",
    "int_type": "This must be a whole number.",
    "float_type": "This must be a number.",
    "bool_type": "This must be true or false.",
    "list_type": "This must be a list.",
    "dict_type": "This must be an object, e.g. {name: value}.",
    "model_type": "This must be an object with fields.",
    "timezone_aware": "Give the moment with its time zone, e.g. 2027-01-01T00:00:00Z.",
}


class Unacceptable(Exception):
    """The file was refused; nothing was changed. One problem per line, each with the path of its field."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = list(problems)


def read(text: str, *, environ: Mapping[str, str]) -> FileForm:
    """The form in the text; `api_key_env` names variables of `environ`. Raises Unacceptable."""
    try:
        value = loader.load(text)
    except loader.NotYaml as wrong:
        raise Unacceptable([f"file: {wrong}"]) from None
    try:
        form = FileForm.model_validate(value, context={"environ": environ})
    except ValidationError as wrong:
        raise Unacceptable([_problem(error) for error in wrong.errors(include_input=False)]) from None
    twice = list(_named_twice(form))
    if twice:
        raise Unacceptable(twice)
    return form


def path(*parts: int | str) -> str:
    """`tenants[0].keys[1].name`: where in the file a field is."""
    text = ""
    for part in parts:
        if isinstance(part, int):
            text += f"[{part}]"
        elif _PLAIN.fullmatch(part):
            text += f".{part}" if text else part
        else:
            text += f"[{part!r}]"
    return text or "file"


def _problem(error: Any) -> str:
    where, kind = error["loc"], error["type"]
    if kind == "extra_forbidden":
        parents = [part for part in where[:-1] if isinstance(part, str)]
        known = (_FORMS.get(".".join(parents[-2:])) or _FORMS[parents[-1]]) if parents else FileForm
        words = f"This field is unknown. Known here: {', '.join(known.model_fields)}."
    elif kind == "value_error":
        words = str(error["ctx"]["error"])
    elif kind == "literal_error":
        words = f"This must be {error['ctx']['expected']}."
    else:
        words = _WORDS.get(kind, error["msg"])
    return f"{path(*(part for part in where if part != '[key]'))}: {words}"


def _named_twice(form: FileForm) -> Sequence[str]:
    problems = _repeated([tenant.slug for tenant in form.tenants], "slug", "tenants")
    for number, tenant in enumerate(form.tenants):
        for field, rows in (("alerts", tenant.alerts), ("upstreams", tenant.upstreams), ("keys", tenant.keys)):
            problems += _repeated([row.name for row in rows], "name", "tenants", number, field)
        collections = [row.name for row in tenant.rag.collections]
        problems += _repeated(collections, "name", "tenants", number, "rag", "collections")
    return problems


def _repeated(names: Sequence[str], field: str, *where: int | str) -> list[str]:
    return [
        f"{path(*where, number, field)}: {name!r} is named twice; give each one a name of its own."
        for number, name in enumerate(names)
        if name in names[:number]
    ]
