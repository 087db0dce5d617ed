"""Fills the database of a running server with a bit of everything, and prints every page there is to look at.

Run as a program in the server's environment. Pages are found by walking the resolver: a new one takes part by itself.
Prints {"pages": {who: [paths]}, "cookies": {who: session}, "errors": {name: html}}; `root` is platform staff and owner
of the tenant, `viewer` its viewer, `nobody` is not signed in.
"""

import json
import re
import time
from collections.abc import Iterable, Iterator

import django

django.setup()

from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes  # noqa: E402
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret  # noqa: E402
from django.contrib import admin  # noqa: E402
from django.contrib.auth.models import User  # noqa: E402
from django.template.loader import render_to_string  # noqa: E402
from django.test import Client  # noqa: E402
from django.utils import timezone  # noqa: E402

from proxy.hosting import bootstrap  # noqa: E402
from tenants import actions  # noqa: E402
from tenants.models import Tenant  # noqa: E402
from tests.admin_ui.calls import record  # noqa: E402
from tests.security import test_matrix as matrix  # noqa: E402

LONG_NAME = "The Department of Things with Rather Long Names and Sub-Departments Thereof"
ERRORS = ("403", "404", "429", "500")
# Doors that do something when they are opened.
_DOORS = ("/accounts/sign-out/",)
_OF_A_ROW = ("change", "delete", "history", "rotate", "revoke", "password")


def seed() -> tuple[matrix.Objects, User, User]:
    """A tenant in which there is one of everything, with long names and calls of each state."""
    root = User.objects.create_superuser("root", password="a-long-walk-in-the-rain")
    viewer = User.objects.create_user("viewer-with-a-name-that-goes-on-and-on@example.org")
    tenant = actions.create_tenant(actor="x", slug="walked", name=LONG_NAME)
    for person, role in ((root, "owner"), (viewer, "viewer")):
        actions.set_role(actor="x", tenant=tenant, user=person, role=role)
    TOTP.activate(root, generate_totp_secret())
    RecoveryCodes.activate(root)
    for state, status in (("failed", 529), ("refused", 429), ("cancelled", 499), ("completed", 200)):
        record(tenant, state=state, status=status, model_asked="m" * 120, user_agent="a" * 200).save()
    return matrix.objects(tenant, viewer), root, viewer


def signed_in(person: User | None) -> Client:
    """A browser in which this person has just signed in, with every factor."""
    client = Client(headers={"host": "127.0.0.1"})
    if person is not None:
        client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
        session = client.session
        session["second_factor_proven"] = person.pk
        proof = {"method": "password", "at": time.time() + 3600, "reauthenticated": True}
        session["account_authentication_methods"] = [proof]
        session["account_authentication_methods_user"] = str(person.pk)
        session.save()
    return client


def pages(client: Client, paths: Iterable[str]) -> list[str]:
    """Those of the paths that answer with a page."""
    shown = []
    for path in dict.fromkeys(paths):
        if path in _DOORS:
            continue
        answer = client.get(path)
        is_html = answer.status_code == 200 and answer.headers["content-type"].startswith("text/html")
        if is_html and b"<html" in answer.content:  # not a piece of a page
            shown.append(path)
    return shown


def admin_paths() -> Iterator[str]:
    """The index, each model's list and form, and the pages of its first row."""
    yield from ("/admin/", "/admin/password_change/")
    for model in admin.site._registry:
        base = f"/admin/{model._meta.app_label}/{model._meta.model_name}/"
        yield from (base, f"{base}add/")
        row = model._default_manager.first()
        if row is not None:
            yield from (f"{base}{row.pk}/{page}/" for page in _OF_A_ROW)


def entrances(objects: matrix.Objects, root: User) -> Iterator[str]:
    """What is open to all, and links that open once."""
    tenant = Tenant.objects.get(slug=objects.slug)
    at = timezone.now()
    yield "/"
    yield bootstrap.welcome_path(root)
    yield "/invitation/over/"
    invited = actions.invite(actor="x", tenant=tenant, invited_by=root, role="member", note="D", at=at)
    yield f"/invitation/{invited.token}/"


def main() -> None:
    objects, root, viewer = seed()
    tenant = [objects.fill(route) for route in matrix.TENANT]
    platform = [objects.fill(route) for route in matrix.PLATFORM]
    account = [f"/{route}" for route in matrix.ALL if route.startswith("accounts/") and not re.search(r"[<(]", route)]
    clients = {"root": signed_in(root), "viewer": signed_in(viewer), "nobody": signed_in(None)}
    found = {
        "root": pages(clients["root"], [*tenant, *platform, *account, *admin_paths()]),
        "viewer": pages(clients["viewer"], [*tenant, *account]),
        "nobody": pages(clients["nobody"], [*entrances(objects, root), *account]),
    }
    cookies = {who: client.cookies["sessionid"].value for who, client in clients.items() if who != "nobody"}
    errors = {name: render_to_string(f"{name}.html") for name in ERRORS}
    print(json.dumps({"pages": found, "cookies": cookies, "errors": errors}))


if __name__ == "__main__":
    main()
