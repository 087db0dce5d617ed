"""What is written back is the same form, without secrets, and applying it changes nothing."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from tenants import actions, audit
from tenants.declarative import applying, exporting, reading
from tenants.models import Tenant

_labels = st.text(
    st.characters(codec="utf-8", exclude_categories=("C", "Z")) | st.sampled_from(" :#'\"{[&*!|>%@`-?"),
    min_size=1,
    max_size=12,
).filter(lambda text: text == text.strip() and text.isprintable())
_yaml_words = st.sampled_from(["no", "null", "12", "1e3", "0x1f", "2027-01-01", "~", "=", "<<", "1:30"])
_names = _labels | _yaml_words
_globs = st.lists(st.from_regex(r"[a-z0-9.*-]{1,10}", fullmatch=True), min_size=1, max_size=3)
_moments = st.none() | st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))

_keys = st.fixed_dictionaries(
    {
        "name": _names,
        "scopes": st.sampled_from([["messages"], ["models"], ["models", "messages"]]),
        "model_globs": _globs,
        "ip_allow": st.sampled_from([[], ["10.0.0.0/8"], ["::1/128", "127.0.0.1"]]),
        "expires_at": _moments,
        "metadata": st.dictionaries(_names, _names, max_size=3),
    }
)
_upstreams = st.fixed_dictionaries(
    {
        "name": _names,
        "kind": st.just("anthropic"),
        "base_url": st.sampled_from(["http://127.0.0.1:9200", "http://127.0.0.1:9200/v1", "http://localhost"]),
        "credential": st.sampled_from(["", "sk-hush-hush"]),
        "model_globs": _globs,
        "model_aliases": st.just({}) | st.fixed_dictionaries({"a": st.just("b")}),
        "priority": st.integers(0, 1000),
        "is_enabled": st.booleans(),
        "connect_timeout_seconds": st.floats(0.1, 60),
        "read_timeout_seconds": st.floats(1, 3600),
        "max_connections": st.integers(1, 10_000),
    }
) | st.fixed_dictionaries({"name": _names, "kind": st.just("simulator")})


def _by_name(rows: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[list[dict[str, Any]]]:
    return st.lists(rows, max_size=3, unique_by=lambda row: row["name"])


class RoundTrip(TestCase):
    @given(name=_names, upstreams=_by_name(_upstreams), keys=_by_name(_keys), suspended=st.booleans())
    @settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    def test_applying_an_export_changes_nothing(
        self, name: str, upstreams: list[dict[str, Any]], keys: list[dict[str, Any]], suspended: bool
    ) -> None:
        tenant = actions.create_tenant(actor="test", slug="acme", name=name, timezone="Asia/Tokyo")
        for row in upstreams:
            actions.add_upstream(actor="test", tenant=tenant, **row)
        for row in keys:
            actions.issue_key(actor="test", tenant=tenant, **row)
        actions.change_tenant(actor="test", tenant=tenant, status="suspended" if suspended else "active")
        text = exporting.as_yaml(exporting.export(Tenant.objects.all()))
        assert "hush" not in text
        before = audit.latest_revision()
        for prune in (False, True):
            done = applying.apply(reading.read(text, environ={}), actor="test", prune=prune)
            assert done.changed() == []
        assert audit.latest_revision() == before
        assert exporting.as_yaml(exporting.export(Tenant.objects.all())) == text


@pytest.mark.django_db
def test_an_export_makes_the_same_tenant_elsewhere() -> None:
    tenant = actions.create_tenant(actor="test", slug="acme", name="Acme")
    actions.add_upstream(actor="test", tenant=tenant, name="sim", kind="simulator", priority=3)
    actions.issue_key(actor="test", tenant=tenant, name="ci", model_globs=["claude-*"])
    exported = exporting.export([tenant])
    actions.delete_tenant(actor="test", tenant=tenant)
    applying.apply(reading.read(exporting.as_yaml(exported), environ={}), actor="test")
    assert exporting.export(Tenant.objects.all()) == exported


@pytest.mark.django_db
def test_a_revoked_key_is_not_exported() -> None:
    tenant = actions.create_tenant(actor="test", slug="acme", name="Acme")
    actions.revoke_key(actor="test", key=actions.issue_key(actor="test", tenant=tenant, name="gone").key)
    assert exporting.export([tenant])["tenants"][0]["keys"] == []
