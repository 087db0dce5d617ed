"""`GET /v1/models`: the models a key may use, in Anthropic's shape, paged as Anthropic pages them."""

from collections.abc import Sequence
from urllib.parse import parse_qs, unquote

import orjson

from proxy import auth
from proxy.call import Caller, Inbound
from proxy.errors import InvalidRequest, NotFound
from proxy.runtime import Runtime
from proxy.steps import routing
from proxy.upstreams.model_lists import Model, ModelLists

_DEFAULT_LIMIT = 20
_MAX_LIMIT = 1000


async def answer(inbound: Inbound, runtime: Runtime) -> bytes:
    """The JSON of a page of models, or of the one the path names. Raises Refused."""
    caller = await auth.authenticate(inbound, runtime.directory, runtime.keys, scope="models", at=auth.now())
    models = await usable_models(caller, runtime.model_lists)
    model_id = unquote(inbound.path.removeprefix("/v1/models").removeprefix("/"))
    if not model_id:
        return orjson.dumps(page(models, inbound.query.decode("latin-1")))
    for model in models:
        if model["id"] == model_id:
            return orjson.dumps(model)
    raise NotFound(f"model: {model_id}")


async def usable_models(caller: Caller, lists: ModelLists) -> list[Model]:
    """What the caller may ask for, each by the name it is asked by, the preferred upstream's first."""
    found: dict[str, Model] = {}
    for upstream in caller.tenant.upstreams:
        names = {theirs: ours for ours, theirs in upstream.model_aliases.items()}
        for model in await lists.of(upstream):
            name: str = names.get(model["id"]) or model["id"]
            if name not in found and routing.first_serving(caller.tenant, name) is upstream:
                found[name] = {**model, "id": name}
    for alias, name in caller.tenant.model_aliases.items():
        if name in found:
            found[alias] = {**found[name], "id": alias}
        else:
            found.pop(alias, None)  # it would be served by a model that no upstream lists
    return [model for name, model in found.items() if caller.models.match(name)]


def page(models: Sequence[Model], query: str) -> dict[str, object]:
    """One page after `after_id` or before `before_id`. Raises InvalidRequest."""
    asked = parse_qs(query)
    limit = _limit(asked.get("limit", [str(_DEFAULT_LIMIT)])[0])
    ids = [model["id"] for model in models]
    if "after_id" in asked and "before_id" in asked:
        raise InvalidRequest("before_id: cannot be used together with after_id")
    if "before_id" in asked:
        end = _position(ids, "before_id", asked["before_id"][0])
        start = max(0, end - limit)
        has_more = start > 0
    else:
        start = _position(ids, "after_id", asked["after_id"][0]) + 1 if "after_id" in asked else 0
        end = start + limit
        has_more = end < len(ids)
    data = models[start:end]
    return {
        "data": data,
        "has_more": has_more,
        "first_id": data[0]["id"] if data else None,
        "last_id": data[-1]["id"] if data else None,
    }


def _limit(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= _MAX_LIMIT:
        raise InvalidRequest(f"limit: must be a number from 1 to {_MAX_LIMIT}")
    return int(text)


def _position(ids: Sequence[str], field: str, value: str) -> int:
    if value not in ids:
        raise InvalidRequest(f"{field}: {value!r} is not a model of this list")
    return ids.index(value)
