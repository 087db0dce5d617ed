"""What a first local start creates: an administrator without a password, and a tenant to try things with."""

from dataclasses import dataclass, field

from django.conf import settings
from django.contrib.auth.models import User
from django.contrib.auth.tokens import default_token_generator
from django.db import transaction
from django.urls import reverse
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode

from tenants import actions, destinations
from tenants.models import Tenant, Upstream

ADMIN = "admin"
DEMO = "demo"
SIMULATOR = "simulator"
FROM_ENVIRONMENT = "anthropic (environment)"
"""The upstream that ANTHROPIC_API_KEY makes; no other is ever given that key."""
_ACTOR = "first start"


@dataclass(frozen=True, slots=True)
class Created:
    """What is told once, on the start that made it (else ''), and where the demo tenant's answers come from."""

    welcome_path: str = field(repr=False)
    key_secret: str = field(repr=False)
    models_from: str
    is_admin_waiting: bool  # for a password to be chosen


def prepare() -> Created:
    """Create what is missing on an empty installation, and keep the demo tenant's upstream in step."""
    with transaction.atomic():
        admin_path = "" if User.objects.filter(is_superuser=True).exists() else _create_admin()
        key_secret = "" if Tenant.objects.exists() else _create_demo()
    demo = Tenant.objects.filter(slug=DEMO).first()
    if demo is not None:
        _choose_upstream(demo)
    waiting = any(not user.has_usable_password() for user in User.objects.filter(username=ADMIN))
    return Created(admin_path, key_secret, _models_from(demo), waiting)


def welcome_path(user: User) -> str:
    """The page where this person chooses a password; dies when one is chosen, and after PASSWORD_RESET_TIMEOUT."""
    uid = urlsafe_base64_encode(force_bytes(user.pk))
    return reverse("welcome", args=[uid, default_token_generator.make_token(user)])


def _create_admin() -> str:
    admin = User(username=ADMIN, is_staff=True, is_superuser=True)
    admin.set_unusable_password()
    admin.save()
    return welcome_path(admin)


def _create_demo() -> str:
    demo = actions.create_tenant(actor=_ACTOR, slug=DEMO, name="Demo")
    return actions.issue_key(actor=_ACTOR, tenant=demo, name="first key").secret


def _choose_upstream(demo: Tenant) -> None:
    """Anthropic while its key is in the environment; else whatever else there is, at least the simulator."""
    credential = settings.CONFIG.anthropic_api_key
    known = demo.upstreams.filter(name=FROM_ENVIRONMENT).first()
    is_elsewhere = known is not None and known.base_url != destinations.ANTHROPIC_URL  # somebody made it theirs
    if not credential:
        if known is not None and not is_elsewhere:
            actions.change_upstream(actor=_ACTOR, upstream=known, is_enabled=False)
        if not demo.upstreams.filter(is_enabled=True).exists():
            _add_simulator(demo)
    elif known is not None and not is_elsewhere:
        actions.change_upstream(actor=_ACTOR, upstream=known, credential=credential, is_enabled=True)
    elif known is None:
        actions.add_upstream(
            actor=_ACTOR,
            tenant=demo,
            name=FROM_ENVIRONMENT,
            kind=Upstream.Kind.ANTHROPIC,
            base_url=destinations.ANTHROPIC_URL,
            credential=credential,
            priority=1,
        )


def _add_simulator(demo: Tenant) -> None:
    if not demo.upstreams.filter(name=SIMULATOR).exists():  # else somebody switched it off
        actions.add_upstream(actor=_ACTOR, tenant=demo, name=SIMULATOR, kind=Upstream.Kind.SIMULATOR)


def _models_from(demo: Tenant | None) -> str:
    first = None if demo is None else demo.upstreams.filter(is_enabled=True).first()
    if first is None:
        return "the upstreams of your tenants"
    if first.kind == Upstream.Kind.SIMULATOR:
        return "the built-in simulator (set ANTHROPIC_API_KEY before the start to use Anthropic)"
    return f"{first.base_url} (tenant `{DEMO}`)"
