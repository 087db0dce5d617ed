"""Whether the environment describes a deployment that is safe to run. Wrong values stop every command earlier."""

import stat
from collections.abc import Iterator
from ipaddress import ip_network

from proxy import openid
from proxy.config import Config, list_of
from proxy.doctor.finding import Finding, fail, ok, warn


def check(config: Config) -> Iterator[Finding]:
    """Every finding about the settings."""
    yield _environment(config)
    yield _hosts(config)
    yield _trusted_proxies(config)
    yield _private_upstreams(config)
    yield from _public_url(config)
    yield from _single_sign_on(config)
    yield from _generated_secrets(config)


def _environment(config: Config) -> Finding:
    if config.is_production:
        return ok("environment", "production: weak or missing secrets are refused at the start")
    return warn(
        "environment",
        "development: secrets are generated, cookies may travel without TLS",
        "Fine on one's own machine. For a deployment set LLMP_ENV=production.",
    )


def _hosts(config: Config) -> Finding:
    hosts = list_of(config.allowed_hosts)
    if config.is_production and "*" in hosts:
        return fail("hosts", "any Host header is believed", "Name the public host names in LLMP_ALLOWED_HOSTS.")
    return ok("hosts", ", ".join(hosts) or "any (development)")


def _trusted_proxies(config: Config) -> Finding:
    name, given = "trusted proxies", list_of(config.trusted_proxies)
    for text in given:
        if ip_network(text).prefixlen == 0:
            return fail(
                name,
                f"{text}: every client's X-Forwarded-For is believed, so IP allow-lists protect nothing",
                "Name only your load balancers in LLMP_TRUSTED_PROXIES.",
            )
    if config.is_production and not given:
        return warn(
            name,
            "none: behind a load balancer every client would seem to be the balancer",
            "If there is one, put its network into LLMP_TRUSTED_PROXIES.",
        )
    return ok(name, ", ".join(given) or "none")


def _private_upstreams(config: Config) -> Finding:
    name, given = "private upstreams", list_of(config.private_upstreams)
    for text in given:
        if "/" in text:
            try:
                network = ip_network(text, strict=False)
            except ValueError:
                return fail(name, f"{text!r} is not a network", "Write CIDRs or host names in LLMP_PRIVATE_UPSTREAMS.")
            if network.prefixlen == 0:
                return fail(
                    name,
                    f"{text}: tenants may send requests anywhere in your network",
                    "Name only the machines that serve models in LLMP_PRIVATE_UPSTREAMS.",
                )
    return ok(name, ", ".join(given) or "none")


def _public_url(config: Config) -> Iterator[Finding]:
    if not config.public_url:
        return
    if config.public_url.startswith("http://") and config.is_production:
        yield warn("public URL", f"{config.public_url} is without TLS", "Serve https and say so in LLMP_PUBLIC_URL.")
    else:
        yield ok("public URL", config.public_url)


def _single_sign_on(config: Config) -> Iterator[Finding]:
    if not config.oidc_issuer:
        return
    host = config.public_url.rstrip("/") or "https://<this server>"
    callback = f"{host}/accounts/oidc/{openid.provider_id(config.oidc_issuer)}/login/callback/"
    if config.oidc_join:
        yield ok("single sign-on", f"{config.oidc_issuer}; register {callback} there")
    else:
        remedy = "Say in LLMP_OIDC_JOIN who gets an account, or let people connect the ones they have."
        yield warn("single sign-on", f"nobody new is let in; register {callback} with {config.oidc_issuer}", remedy)


def _generated_secrets(config: Config) -> Iterator[Finding]:
    """The file of a local installation: whoever reads it can open every credential."""
    path = config.data_dir / "secrets.env"
    if not path.exists():
        return
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        yield fail("secrets file", f"{path} is open to other users (mode {mode:o})", f"chmod 600 {path}")
    else:
        yield ok("secrets file", f"{path}, readable by its owner only")
