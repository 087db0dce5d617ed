"""Whether a request comes from a page of our own: a browser sends its cookies with other sites' requests too."""

from collections.abc import Iterable
from urllib.parse import urlsplit

from django.conf import settings
from django.http.request import split_domain_port, validate_host


def is_own(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """Whether exactly one origin and one host are named, and they are ours and the same."""
    named = [(name.lower(), value.decode("latin-1").lower()) for name, value in headers]
    origins = [value for name, value in named if name == b"origin"]
    hosts = [value for name, value in named if name == b"host"]
    if len(origins) != 1 or len(hosts) != 1:
        return False
    domain, _port = split_domain_port(hosts[0])
    if not domain or not validate_host(domain, settings.ALLOWED_HOSTS):
        return False
    origin = urlsplit(origins[0])
    return origin.scheme in ("http", "https") and origin.netloc in (
        hosts[0],
        urlsplit(settings.CONFIG.public_url).netloc,
    )
