"""Every page of the admin, as the one who may see all of it: no secret, digest, ciphertext or setting is on any."""

import base64
import logging
from collections.abc import Iterator

import pytest
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialApp
from django.conf import settings
from django.contrib import admin
from django.contrib.auth.models import User
from django.db import models
from django.test import Client
from django.urls import NoReverseMatch, reverse
from django.utils import timezone

from tenants import actions
from tenants.models import Tenant
from tests.admin_ui.calls import record

CREDENTIAL = "sk-ant-canary-4b1f77c29d"
FACTOR = "sealed-canary-of-a-second-factor"
CLIENT_SECRET = "canary-of-a-single-sign-on"


@pytest.fixture
def kept(acme: Tenant, alice: User) -> list[bytes]:
    """One of everything that has a secret; the secrets, and what is kept of them."""
    secret = actions.issue_key(actor="x", tenant=acme, name="ci").secret
    actions.add_upstream(
        actor="x", tenant=acme, name="main", base_url="https://api.anthropic.com", credential=CREDENTIAL
    )
    actions.invite(actor="x", tenant=acme, invited_by=alice, role="member", note="D", at=timezone.now())
    actions.add_channel(actor="x", tenant=acme, name="team", kind="webhook", url="https://a.example.com")
    Authenticator.objects.create(user=alice, type=Authenticator.Type.TOTP, data={"secret": FACTOR})
    SocialApp.objects.create(provider="openid_connect", name="old", client_id="x", secret=CLIENT_SECRET)
    alice.set_password("canary-of-a-password")
    alice.save()
    record(acme).save()
    config = settings.CONFIG
    fixed = [
        secret,
        CREDENTIAL,
        FACTOR,
        CLIENT_SECRET,
        alice.password,
        config.secret_key,
        config.key_peppers,
        config.encryption_keys,
    ]
    return [*(text.encode() for text in fixed), *_sealed()]


def _sealed() -> Iterator[bytes]:
    """What the database holds of secrets, in each way that a page could write it."""
    for kind in admin.site._registry:
        for row in kind._default_manager.all():
            yield from _sealed_in(row)
    for kind in (model for model in _ours() if model not in admin.site._registry):
        for row in kind._default_manager.all():
            yield from _sealed_in(row)


def _ours() -> list[type[models.Model]]:
    return [kind for kind in Tenant._meta.apps.get_models() if kind.__module__.startswith(("tenants.", "proxy."))]


def _sealed_in(row: models.Model) -> Iterator[bytes]:
    for field in row._meta.fields:
        value = getattr(row, field.attname)
        if isinstance(field, models.BinaryField) and value:
            raw = bytes(value)
            yield from (base64.b64encode(raw)[:24], raw.hex().encode()[:32], repr(raw).encode()[2:26])
        elif field.name.endswith("digest") and value:
            yield str(value).encode()


def pages() -> Iterator[str]:
    yield from (
        reverse("admin:index"),
        reverse("admin:app_list", args=["tenants"]),
        reverse("admin:app_list", args=["proxy"]),
    )
    for kind in admin.site._registry:
        name = f"admin:{kind._meta.app_label}_{kind._meta.model_name}"
        listing = reverse(f"{name}_changelist")
        yield from (listing, f"{listing}?q=a", f"{listing}?q={CREDENTIAL[-4:]}", f"{listing}?e=1", f"{listing}add/")
        for row in kind._default_manager.all():
            for page in ("change", "history", "delete", "rotate", "revoke", "clear"):
                try:
                    yield reverse(f"{name}_{page}", args=[row.pk])
                except NoReverseMatch:
                    continue


@pytest.mark.parametrize("language", ["en", "de"])
def test_no_page_of_the_admin_and_no_line_of_the_log_shows_what_is_secret(
    admin_client: Client, kept: list[bytes], caplog: pytest.LogCaptureFixture, language: str
) -> None:
    caplog.set_level(logging.DEBUG)
    assert len(kept) > 12
    seen, found = 0, []
    for path in pages():
        response = admin_client.get(path, headers={"accept-language": language})
        assert response.status_code in {200, 302, 403}, path
        seen += response.status_code == 200
        found += [(path, secret[:12]) for secret in kept if secret in response.content]
        posted = admin_client.post(path, {"credential": CREDENTIAL, "name": ""}) if path.endswith("add/") else None
        found += [(f"POST {path}", CREDENTIAL)] if posted is not None and CREDENTIAL.encode() in posted.content else []
    assert seen > 40
    assert found == []
    said = caplog.text.encode()
    assert [secret[:12] for secret in kept if secret in said] == []
