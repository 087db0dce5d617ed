"""Rewrite: choose the upstream that serves the model, under its own name for it."""

import time

from proxy.call import CleanCall, Outbound, TenantRules, UpstreamRules
from proxy.errors import NotFound


class NoUpstream(NotFound):
    """No upstream of the tenant serves the model."""


def choose(call: CleanCall) -> Outbound:
    """The first upstream by priority whose globs match; an alias changes the model's value and no other byte.

    Raises NoUpstream.
    """
    started = time.perf_counter()
    outbound = towards(call, call.model)
    if outbound is None:
        raise NoUpstream(f"model: {call.model}")
    call.trace.note("routing", started, upstream=outbound.upstream.name, model=outbound.sent_as)
    return outbound


def towards(call: CleanCall, name: str) -> Outbound | None:
    """The call as it goes to whoever serves this model; None: nobody does."""
    tenant = call.caller.tenant
    model = served_name(tenant, name)
    upstream = first_serving(tenant, model)
    if upstream is None:
        return None
    sent_as = upstream.model_aliases.get(model, model)
    body = call.document.edit({("model",): sent_as}).raw
    return Outbound(call=call, upstream=upstream, model=model, sent_as=sent_as, body=body)


def served_name(tenant: TenantRules, model: str) -> str:
    """What the tenant's own aliases make of the model asked for."""
    return tenant.model_aliases.get(model, model)


def first_serving(tenant: TenantRules, model: str) -> UpstreamRules | None:
    """The tenant's first upstream, by priority, that serves the model."""
    return next((upstream for upstream in tenant.upstreams if upstream.models.match(model)), None)
