"""The mail server of the deployment, from one URL."""

from dataclasses import dataclass
from urllib.parse import parse_qs, unquote, urlsplit

_FORM = "must look like smtp://user:password@host:587?from=llm-proxy@example.com (smtps:// for TLS from the start)"
_PORTS = {"smtp": 587, "smtps": 465}


@dataclass(frozen=True, slots=True)
class MailServer:
    """What Django needs to send mail; without a host there is none."""

    host: str = ""
    port: int = 25
    user: str = ""
    password: str = ""
    is_tls: bool = False
    is_ssl: bool = False
    sender: str = "llm-proxy@localhost"


def parse(url: str) -> MailServer:
    """The server in the URL. Raises ValueError, which quotes nothing of it: there is a password in it."""
    if not url:
        return MailServer()
    parts = urlsplit(url)
    asked = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    sender, security = asked.pop("from", ""), asked.pop("tls", "yes")
    if parts.scheme not in _PORTS or not parts.hostname or "@" not in sender or asked or security not in ("yes", "no"):
        raise ValueError(_FORM)
    return MailServer(
        host=parts.hostname,
        port=parts.port or _PORTS[parts.scheme],
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        is_tls=parts.scheme == "smtp" and security == "yes",
        is_ssl=parts.scheme == "smtps",
        sender=sender,
    )


def check(url: str) -> str:
    """The URL as it is, if `parse` takes it. Raises ValueError."""
    parse(url)
    return url
