"""The first upstream that serves the model is chosen, and an alias changes the model and nothing else."""

import pytest

from proxy.steps import routing
from tests.proxy import build

ODD = b'{ "max_tokens":16,\n"messages":[{"role":"user","content":"\\u00e9 claude"}],"model" : "fast","x":1.0 }'


def test_the_first_by_priority_that_serves_the_model_is_chosen() -> None:
    haiku, rest = build.upstream("haiku", models=["claude-haiku-*"]), build.upstream("rest")
    caller = build.caller(upstreams=[haiku, rest])
    assert routing.choose(build.call(by=caller)).upstream is rest


def test_a_call_that_no_alias_touches_leaves_with_its_own_bytes() -> None:
    call = build.call(ODD)
    assert routing.choose(call).body is call.document.raw


def test_a_tenants_alias_edits_the_model_and_no_other_byte() -> None:
    outbound = routing.choose(build.call(ODD, by=build.caller(model_aliases={"fast": "claude-haiku-5-5"})))
    assert (outbound.model, outbound.sent_as) == ("claude-haiku-5-5", "claude-haiku-5-5")
    assert outbound.body == ODD.replace(b'"fast"', b'"claude-haiku-5-5"')


def test_an_upstreams_own_name_comes_after_the_tenants_alias() -> None:
    upstream = build.upstream(models=["claude-haiku-5-5"], model_aliases={"claude-haiku-5-5": "vendor.haiku:1"})
    caller = build.caller(upstreams=[upstream], model_aliases={"fast": "claude-haiku-5-5"})
    outbound = routing.choose(build.call(ODD, by=caller))
    assert (outbound.model, outbound.sent_as) == ("claude-haiku-5-5", "vendor.haiku:1")


def test_a_model_that_nobody_serves_is_not_found() -> None:
    with pytest.raises(routing.NoUpstream) as refused:
        routing.choose(build.call(by=build.caller(upstreams=[build.upstream(models=["gpt-*"])])))
    assert (refused.value.status, refused.value.message) == (404, "model: claude-sonnet-5-5")
