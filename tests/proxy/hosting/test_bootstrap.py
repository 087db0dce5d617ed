"""What a first start creates, once."""

from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User

from proxy.hosting import bootstrap
from tenants import actions, queries
from tenants.models import ApiKey, Tenant, Upstream

pytestmark = pytest.mark.django_db


def with_anthropic_key(patched: Any, value: str) -> None:
    patched.CONFIG = settings.CONFIG.model_copy(update={"anthropic_api_key": value})


def test_a_first_start_makes_an_admin_without_a_password_and_a_demo_tenant() -> None:
    created = bootstrap.prepare()
    admin = User.objects.get()
    assert admin.is_superuser
    assert not admin.has_usable_password()
    assert created.welcome_path.startswith("/welcome/")
    assert created.key_secret.startswith("llmp_")
    assert ApiKey.objects.get().tenant.slug == "demo"
    assert Upstream.objects.get().kind == "simulator"
    assert "simulator" in created.models_from


def test_a_second_start_creates_nothing_and_tells_no_secret() -> None:
    bootstrap.prepare()
    again = bootstrap.prepare()
    assert (again.welcome_path, again.key_secret) == ("", "")
    assert again.is_admin_waiting
    assert (User.objects.count(), Tenant.objects.count(), ApiKey.objects.count(), Upstream.objects.count()) == (1,) * 4


def test_secrets_do_not_show_in_a_representation() -> None:
    created = bootstrap.prepare()
    assert created.key_secret not in repr(created)
    assert created.welcome_path not in repr(created)


def test_with_a_model_key_the_demo_tenant_asks_anthropic(settings: Any) -> None:
    with_anthropic_key(settings, "sk-ant-test-1")
    created = bootstrap.prepare()
    upstream = Upstream.objects.get()
    assert (upstream.kind, upstream.base_url) == ("anthropic", "https://api.anthropic.com")
    assert queries.credential_of(upstream) == "sk-ant-test-1"
    assert "sk-ant" not in created.models_from


def test_a_model_key_that_comes_later_is_used_before_the_simulator_and_may_change(settings: Any) -> None:
    bootstrap.prepare()
    for credential in ("sk-ant-test-1", "sk-ant-test-2"):
        with_anthropic_key(settings, credential)
        bootstrap.prepare()
        first, second = Upstream.objects.all()
        assert (first.kind, second.kind) == ("anthropic", "simulator")
        assert queries.credential_of(first) == credential


def test_without_the_model_key_again_the_simulator_answers_and_says_so(settings: Any) -> None:
    with_anthropic_key(settings, "sk-ant-test-1")
    bootstrap.prepare()
    with_anthropic_key(settings, "")
    created = bootstrap.prepare()
    assert [upstream.kind for upstream in Upstream.objects.filter(is_enabled=True)] == ["simulator"]
    assert "simulator" in created.models_from
    with_anthropic_key(settings, "sk-ant-test-2")
    bootstrap.prepare()
    first = Upstream.objects.filter(is_enabled=True).first()
    assert first is not None and queries.credential_of(first) == "sk-ant-test-2"


def test_an_upstream_that_somebody_pointed_elsewhere_is_left_alone(settings: Any) -> None:
    with_anthropic_key(settings, "sk-ant-test-1")
    bootstrap.prepare()
    moved = actions.change_upstream(actor="alice", upstream=Upstream.objects.get(), base_url="https://llm.example.com")
    bootstrap.prepare()
    moved.refresh_from_db()
    assert (moved.credential, Upstream.objects.count()) == (None, 1)


def test_a_model_key_is_never_given_to_another_address(settings: Any) -> None:
    bootstrap.prepare()
    demo = Tenant.objects.get()
    elsewhere = actions.add_upstream(
        actor="alice", tenant=demo, name="elsewhere", kind="anthropic", base_url="https://llm.example.com"
    )
    with_anthropic_key(settings, "sk-ant-test-1")
    bootstrap.prepare()
    elsewhere.refresh_from_db()
    assert elsewhere.credential is None


def test_an_installation_with_tenants_of_its_own_gets_no_demo() -> None:
    actions.create_tenant(actor="alice", slug="acme", name="Acme")
    User.objects.create_superuser("alice", password="irrelevant-here")
    created = bootstrap.prepare()
    assert (created.welcome_path, created.key_secret) == ("", "")
    assert [tenant.slug for tenant in Tenant.objects.all()] == ["acme"]
