"""The page behind an invitation link: join with the account one has, or make one."""

from django.contrib.auth import login
from django.contrib.auth.forms import UserCreationForm
from django.contrib.auth.models import User
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render, resolve_url
from django.utils import timezone
from django.views.decorators.cache import never_cache

from admin_ui import throttled
from admin_ui.views.keys import get_or_post
from tenants import actions

_BACKEND = "django.contrib.auth.backends.ModelBackend"


class AccountForm(UserCreationForm):  # type: ignore[type-arg]
    """A name and a password."""

    class Meta(UserCreationForm.Meta):
        model = User
        fields = ("username", "email")
        help_texts = {"email": "For a forgotten password alone. It is shown to nobody but platform staff."}


@never_cache
@get_or_post
@throttled.at_most("60/m", every_method=True)
def invitation(request: HttpRequest, token: str) -> HttpResponse:
    """Whoever holds the link joins, once."""
    try:
        found = actions.open_invitation(token, timezone.now())
        if request.user.is_authenticated:
            return _join(request, token, request.user) if request.method == "POST" else _page(request, found)
        form = AccountForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            with transaction.atomic():
                user = form.save()
                response = _join(request, token, user)
            login(request, user, backend=_BACKEND)
            return response
    except actions.InvitationOver:
        return render(request, "admin_ui/invitation_over.html", status=410)
    return _page(request, found, form)


def _join(request: HttpRequest, token: str, user: User) -> HttpResponse:
    member = actions.accept_invitation(actor=f"user:{user.get_username()}", token=token, user=user, at=timezone.now())
    return HttpResponseRedirect(resolve_url("home", member.tenant.slug))


def _page(request: HttpRequest, found: object, form: AccountForm | None = None) -> HttpResponse:
    status = 422 if form is not None and form.errors else 200
    return render(request, "admin_ui/invitation.html", {"invitation": found, "form": form}, status=status)
