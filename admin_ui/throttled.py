"""Forms that may be sent so often and no more, and the page that says when to come back."""

import math
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django_ratelimit.core import ALL, get_usage

from admin_ui import visitors

View = Callable[..., HttpResponseBase]


def by_person(_group: str, request: HttpRequest) -> str:
    """The key of who is signed in, wherever they sit; else of the address."""
    return f"person {request.user.pk}" if request.user.is_authenticated else visitors.address(request)


def at_most(
    rate: str, *, key: Callable[[str, HttpRequest], str] = visitors.by_address, every_method: bool = False
) -> Callable[[View], View]:
    """For views whose form is sent at most so often (`10/h`); with `every_method` opening the page counts too."""

    def decorate(view: View) -> View:
        group = f"{view.__module__}.{view.__qualname__}"

        @wraps(view)
        def page(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            method = ALL if every_method else "POST"
            usage = get_usage(request, group=group, key=key, rate=rate, method=method, increment=True)
            if usage is not None and usage["should_limit"]:
                return come_back(request, usage["time_left"])
            return view(request, *args, **kwargs)

        return page

    return decorate


def come_back(request: HttpRequest, seconds: int) -> HttpResponse:
    """The page that says when to try again."""
    response = render(request, "429.html", {"minutes": max(1, math.ceil(seconds / 60))}, status=429)
    response.headers["Retry-After"] = str(max(1, seconds))
    return response
