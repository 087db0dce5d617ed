"""The page people find at the server's address: what this is, whether it is well, how to use it."""

from django.conf import settings
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from proxy import snippets


@require_safe
def landing(request: HttpRequest) -> HttpResponse:
    """Says nothing about tenants, upstreams or versions: it is open to everybody."""
    address = settings.CONFIG.public_url.rstrip("/") or request.build_absolute_uri("/").rstrip("/")
    context = {
        "address": address,
        "snippets": snippets.snippets(address=address),
        "key_placeholder": snippets.KEY_PLACEHOLDER,
        "is_well": _database_answers(),
    }
    return render(request, "admin_ui/landing.html", context)


def _database_answers() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return False
    return True
