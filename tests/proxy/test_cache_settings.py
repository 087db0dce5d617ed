"""What a tenant and a key say of the cache, and what comes of it for a call."""

from typing import Any

import pytest
from django.core.exceptions import ValidationError

from proxy.call import Caller, LikenessRules
from proxy.snapshots import DatabaseSource
from tenants import actions, caching, keys
from tenants.models import Tenant

pytestmark = pytest.mark.django_db

ON = {"enabled": True}


@pytest.fixture
def acme() -> Tenant:
    return actions.create_tenant(actor="test", slug="acme", name="Acme")


def caller(tenant: Tenant, of_tenant: dict[str, Any], of_key: dict[str, Any]) -> Caller:
    tenant = actions.change_tenant(actor="test", tenant=tenant, cache=of_tenant)
    issued = actions.issue_key(actor="test", tenant=tenant, name="ci", cache=of_key)
    found = DatabaseSource.caller([digest for _version, digest in keys.digests(issued.secret)])
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("of_tenant", "of_key", "keeps", "compares", "marks"),
    [
        ({}, {}, False, False, False),
        ({"exact": ON}, {}, True, False, False),
        ({"exact": ON, "semantic": ON}, {}, True, True, False),
        ({"semantic": ON, "prompt": ON}, {}, False, False, True),
        ({"exact": ON, "semantic": ON, "prompt": ON}, {"semantic": {"enabled": False}}, True, False, True),
        ({"exact": ON}, {"exact": {"enabled": False}, "prompt": ON}, False, False, True),
        ({}, {"exact": ON, "semantic": ON}, True, True, False),
    ],
)
def test_a_key_differs_from_its_tenant_where_it_says_so(
    acme: Tenant, of_tenant: dict[str, Any], of_key: dict[str, Any], keeps: bool, compares: bool, marks: bool
) -> None:
    found = caller(acme, of_tenant, of_key)
    assert (found.cache is not None, found.marking is not None) == (keeps, marks)
    assert (found.cache is not None and found.cache.likeness is not None) == compares


def test_what_a_key_does_not_say_is_its_tenants(acme: Tenant) -> None:
    given = {"exact": {**ON, "ttl": 60}, "semantic": {**ON, "ttl": 30, "threshold": 0.9}}
    found = caller(acme, given, {"semantic": {"threshold": 0.95}})
    assert found.cache is not None and found.cache.ttl_seconds == 60
    assert found.cache.likeness == LikenessRules(0.95, 30)


def test_the_model_is_wanted_once_somebody_compares(acme: Tenant) -> None:
    assert not DatabaseSource.needs_likenesses()
    caller(acme, {"exact": ON}, {"semantic": {"enabled": False}})
    assert not DatabaseSource.needs_likenesses()
    actions.change_key(actor="test", key=acme.keys.get(), cache={"semantic": ON})
    assert DatabaseSource.needs_likenesses()


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ([], "give an object, e.g. {exact: {enabled: true}}"),
        ({"fuzzy": ON}, "'fuzzy' is unknown. Known here: exact, semantic, prompt"),
        ({"semantic": True}, "semantic: give an object"),
        ({"semantic": {"threshold": 0.5}}, "semantic.threshold: give a number from 0.6 to 1"),
        ({"semantic": {"threshold": True}}, "semantic.threshold: give a number"),
        ({"semantic": {"ttl": 0}}, "semantic.ttl: give a whole number of seconds from 1"),
        ({"prompt": {"ttl": "1h"}}, "prompt: 'ttl' is unknown. Known here: enabled"),
        ({"exact": {"enabled": "yes"}}, "exact.enabled: it must be true or false"),
    ],
)
def test_a_wrong_setting_is_named(value: Any, words: str) -> None:
    with pytest.raises(ValidationError) as refused:
        caching.check_settings(value)
    assert words in refused.value.messages[0]


def test_a_key_may_not_have_a_room_of_its_own() -> None:
    caching.check_overrides({"exact": {"enabled": False}, "semantic": {"threshold": 1}})
    with pytest.raises(ValidationError, match="exact: 'max_mb' is unknown"):
        caching.check_overrides({"exact": {"max_mb": 1}})
