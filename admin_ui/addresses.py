"""The address that clients use, as pages and snippets name it."""

from django.conf import settings
from django.http import HttpRequest


def public(request: HttpRequest) -> str:
    """LLMP_PUBLIC_URL, else the address this page was asked at; without a slash at the end."""
    configured: str = settings.CONFIG.public_url
    return (configured or request.build_absolute_uri("/")).rstrip("/")
