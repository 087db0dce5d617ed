"""Single sign-on of people by one OpenID Connect provider, from the deployment's settings."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

_FORM = "must be entries such as @example.com=acme:member or groups:llm-admins=acme:admin, comma separated"
_ROLES = ("owner", "admin", "member", "viewer", "none")
_RULE = re.compile(
    r"(?:@(?P<domain>[a-z0-9.-]+)|(?P<claim>[\w./-]+):(?P<value>[^=]+))=(?P<tenant>[a-z0-9-]*):(?P<role>\w+)"
)


@dataclass(frozen=True, slots=True)
class Rule:
    """Whom it means (an e-mail's domain, or a claim with a value), and which tenant that joins as what.

    The role `none` lets somebody in without joining any tenant.
    """

    domain: str
    claim: str
    value: str
    tenant: str
    role: str

    def fits(self, claims: Mapping[str, Any]) -> bool:
        """Whether the provider's claims are meant. An address counts only if the provider has verified it."""
        if self.domain:
            _name, at, domain = str(claims.get("email", "")).casefold().rpartition("@")
            return claims.get("email_verified") is True and bool(at) and domain == self.domain
        given = claims.get(self.claim)
        return self.value in given if isinstance(given, list) else given == self.value


def parse_rules(text: str) -> list[Rule]:
    """The rules of LLMP_OIDC_JOIN. Raises ValueError."""
    rules = []
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        found = _RULE.fullmatch(part)
        if found is None or found["role"] not in _ROLES or (found["role"] != "none") != bool(found["tenant"]):
            raise ValueError(_FORM)
        rules.append(
            Rule(found["domain"] or "", found["claim"] or "", found["value"] or "", found["tenant"], found["role"])
        )
    return rules


def check_rules(text: str) -> str:
    """The text, if it can be parsed. Raises ValueError."""
    parse_rules(text)
    return text


def check_issuer(url: str) -> str:
    """The address without a slash at its end. Raises ValueError unless it is https, or http on this machine."""
    parts = urlsplit(url)
    is_here = parts.hostname in ("localhost", "127.0.0.1", "::1")
    if url and (not parts.hostname or parts.scheme not in (("https", "http") if is_here else ("https",))):
        raise ValueError("must be the issuer's address, https://…")
    return url.rstrip("/")


def provider_id(issuer: str) -> str:
    """Part of the callback's address. Another issuer's people are others, even where their ids are alike."""
    return "sso-" + hashlib.sha256(issuer.encode()).hexdigest()[:8]


def apps(*, issuer: str, client_id: str, client_secret: str, label: str) -> Sequence[Mapping[str, Any]]:
    """The provider as allauth takes it; none without an issuer."""
    if not issuer:
        return []
    settings = {"server_url": issuer, "oauth_pkce_enabled": True}
    return [
        {
            "provider_id": provider_id(issuer),
            "name": label,
            "client_id": client_id,
            "secret": client_secret,
            "settings": settings,
        }
    ]
