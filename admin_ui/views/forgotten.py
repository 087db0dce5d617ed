"""A forgotten password: a link by mail where a mail server is set up, else whom to ask for one."""

from typing import Any

from django.conf import settings
from django.contrib.auth.forms import PasswordResetForm
from django.contrib.auth.models import User
from django.core.mail import EmailMessage
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from admin_ui import addresses, throttled
from admin_ui.views.keys import get_or_post
from proxy.hosting import bootstrap

_WORDS = """Somebody, we hope you, asked for a new password of {name} at {address}.

Choose it here, within three days:
{link}

If it was not you, do nothing: your password stays as it is. A second factor is asked for after this too.
"""


class ForgottenForm(PasswordResetForm):
    """Django's own choice of who gets a link: active accounts of this address that have a password."""

    def links(self, address: str) -> list[EmailMessage]:
        """A mail to each account of the address."""
        return [_mail(user, address) for user in self.get_users(self.cleaned_data["email"])]

    def save(self, *_args: Any, **_options: Any) -> None:
        raise NotImplementedError("mails are sent by the view")


@get_or_post
@throttled.at_most("10/h")
def forgotten(request: HttpRequest) -> HttpResponse:
    """The answer is the same whether there is such an account or not."""
    form = ForgottenForm(request.POST or None)
    is_sent = False
    if settings.EMAIL_HOST and request.method == "POST" and form.is_valid():
        for mail in form.links(addresses.public(request)):
            mail.send(fail_silently=True)  # an answer that tells of failures tells of accounts
        is_sent = True
    context = {"form": form, "has_mail": bool(settings.EMAIL_HOST), "is_sent": is_sent}
    return render(request, "admin_ui/forgotten.html", context, status=422 if form.errors else 200)


def _mail(user: User, address: str) -> EmailMessage:
    link = f"{address}{bootstrap.welcome_path(user)}"
    words = _WORDS.format(name=user.get_username(), address=address, link=link)
    return EmailMessage("A new password for LLM Proxy", words, to=[user.email])
