"""What is wrong with a file is said by the path of the field, all of it at once."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tenants.declarative import reading

ENVIRON = {"GOOD_KEY": "sk-from-the-environment", "BAD_KEY": "has a space", "EMPTY": " "}


def problems(text: str) -> list[str]:
    with pytest.raises(reading.Unacceptable) as refused:
        reading.read(text, environ=ENVIRON)
    return refused.value.problems


def tenant(body: str) -> str:
    return f"tenants: [{{slug: acme, {body}}}]"


@pytest.mark.parametrize(
    ("text", "where", "words"),
    [
        ("", "file", "object with fields"),
        ("[]", "file", "object with fields"),
        ("{}", "tenants", "required"),
        ("tenants: {}", "tenants", "list"),
        ("tenants: [1]", "tenants[0]", "object with fields"),
        ("tenants: [{}]", "tenants[0].slug", "required"),
        ("tenants: []\nversion: 2", "version", "Known here: tenants."),
        ("tenants: [{slug: 17}]", "tenants[0].slug", "quotes"),
        ("tenants: [{slug: Not A Slug}]", "tenants[0].slug", "valid"),
        (f"tenants: [{{slug: {'a' * 64}}}]", "tenants[0].slug", "63"),
        (tenant("name: true"), "tenants[0].name", "quotes"),
        (tenant("timezone: Rome"), "tenants[0].timezone", "Europe/Rome"),
        (tenant("status: asleep"), "tenants[0].status", "'active' or 'suspended'"),
        (tenant("model_aliases: {a: b, b: a}"), "tenants[0].model_aliases", "circle"),
        (tenant("model_aliases: {a.b: 4}"), "tenants[0].model_aliases['a.b']", "quotes"),
        (tenant("quotas: {rpm: 6}"), "tenants[0].quotas", "unknown. Known here: slug, name"),
        (tenant("keys: [{name: a}, {name: b, quotas: {rpm: 6}}]"), "tenants[0].keys[1].quotas", "Known here: name"),
        (tenant("keys: [{name: a, models: claude}]"), "tenants[0].keys[0].models", "list"),
        (tenant("keys: [{name: a, models: []}]"), "tenants[0].keys[0].models", "at least one glob"),
        (tenant("keys: [{name: a, models: ['a b']}]"), "tenants[0].keys[0].models", "space"),
        (tenant("keys: [{name: a, scopes: [root]}]"), "tenants[0].keys[0].scopes", "messages"),
        (tenant("keys: [{name: a, ip_allow: [10.0.0.1/8]}]"), "tenants[0].keys[0].ip_allow", "host bits"),
        (tenant("keys: [{name: a, metadata: {cost: 4711}}]"), "tenants[0].keys[0].metadata.cost", "quotes"),
        (tenant("keys: [{name: a, expires_at: 2027-01-01}]"), "tenants[0].keys[0].expires_at", "time zone"),
        (tenant("keys: [{name: a, expires_at: 2027-13-45}]"), "tenants[0].keys[0].expires_at", "time zone"),
        (tenant("keys: [{name: a, expires_at: 1700000000}]"), "tenants[0].keys[0].expires_at", "time zone"),
        (tenant("keys: [{name: a}, {name: a}]"), "tenants[0].keys[1].name", "named twice"),
        (tenant("upstreams: [{name: a}, {name: a}]"), "tenants[0].upstreams[1].name", "named twice"),
        ("tenants: [{slug: a}, {slug: a}]", "tenants[1].slug", "named twice"),
        (tenant("upstreams: [{name: a, kind: openai}]"), "tenants[0].upstreams[0].kind", "'simulator' or 'detector'"),
        (tenant("upstreams: [{name: a, base_url: 'http://10.0.0.1'}]"), "tenants[0].upstreams[0].base_url", "10.0.0.1"),
        (tenant("upstreams: [{name: a, priority: high}]"), "tenants[0].upstreams[0].priority", "whole number"),
        (tenant("upstreams: [{name: a, priority: -1}]"), "tenants[0].upstreams[0].priority", "0"),
        (tenant("upstreams: [{name: a, enabled: 'yes'}]"), "tenants[0].upstreams[0].enabled", "true or false"),
        (
            tenant("upstreams: [{name: a, read_timeout_seconds: 0.5}]"),
            "tenants[0].upstreams[0].read_timeout_seconds",
            "1",
        ),
        (tenant("upstreams: [{name: a, api_key_env: NOPE}]"), "tenants[0].upstreams[0].api_key_env", "NOPE is not set"),
        (tenant("upstreams: [{name: a, api_key_env: EMPTY}]"), "tenants[0].upstreams[0].api_key_env", "EMPTY"),
        (
            tenant("upstreams: [{name: a, api_key: x, api_key_env: GOOD_KEY}]"),
            "tenants[0].upstreams[0].api_key_env",
            "either",
        ),
    ],
)
def test_a_wrong_value_is_refused_with_its_path(text: str, where: str, words: str) -> None:
    [problem] = problems(text)
    path, _, message = problem.partition(": ")
    assert path == where
    assert words in message


@pytest.mark.parametrize(
    "text",
    ["tenants: [{slug: a, slug: b}]", "tenants: []\ntenants: []", "tenants: [", "a: b: c", "tenants: [0b_]", "\x00"],
)
def test_text_that_is_not_usable_yaml_is_refused_with_its_place(text: str) -> None:
    [problem] = problems(text)
    assert problem.startswith(("file: line ", "file: character "))


def test_all_mistakes_are_reported_at_once() -> None:
    text = "tenants: [{slug: A A, keys: [{name: a, models: 1}], colour: red}, {slug: b, timezone: X}]"
    assert {line.partition(":")[0] for line in problems(text)} == {
        "tenants[0].slug",
        "tenants[0].keys[0].models",
        "tenants[0].colour",
        "tenants[1].timezone",
    }


@pytest.mark.parametrize(
    "field",
    ["api_key: 'sk-hush hush'", "api_key: [sk-hush]", "api_key_env: BAD_KEY", "api_key: 'sk-hush", "x: sk-hush"],
)
def test_no_complaint_quotes_a_credential(field: str) -> None:
    said = "\n".join(problems(tenant(f"upstreams: [{{name: a, {field}}}]")))
    assert "hush" not in said
    assert "has a space" not in said


def test_a_credential_comes_from_the_named_variable_and_is_not_in_the_repr() -> None:
    form = reading.read(tenant("upstreams: [{name: a, api_key_env: GOOD_KEY}]"), environ=ENVIRON)
    [upstream] = form.tenants[0].upstreams
    assert upstream.credential == "sk-from-the-environment"
    assert "sk-from" not in repr(form)


def test_anchors_and_merges_may_be_used() -> None:
    text = "tenants: [{slug: acme, keys: [&k {name: a, models: [x]}, {<<: *k, name: b}]}]"
    form = reading.read(text, environ={})
    assert [key.models for key in form.tenants[0].keys] == [["x"], ["x"]]


_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=10,
)


@given(st.text(max_size=80) | _values.map(lambda value: tenant(f"keys: {value!r}")))
@settings(max_examples=200, deadline=None)
def test_any_text_is_either_read_or_refused(text: str) -> None:
    try:
        reading.read(text, environ={})
    except reading.Unacceptable as refused:
        assert refused.problems


def test_on_is_a_field_and_no_a_country_as_in_yaml_1_2() -> None:
    rule = {"name": "no", "on": ["request"], "match": {"keywords": ["x"]}, "action": "block"}
    text = "tenants: [{slug: no, policy: {rules: [{name: no, on: [request], match: {keywords: [x]}, action: block}]}}]"
    (tenant,) = reading.read(text, environ={}).tenants
    assert (tenant.slug, tenant.policy) == ("no", {"rules": [rule]})
