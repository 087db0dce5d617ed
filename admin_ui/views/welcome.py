"""The page behind a sign-in link: its reader chooses a password and is signed in."""

from typing import Any

from django.contrib.auth.views import PasswordResetConfirmView
from django.urls import reverse_lazy
from django.utils.decorators import method_decorator

from admin_ui import throttled


@method_decorator(throttled.at_most("60/m", every_method=True), name="dispatch")
class Welcome(PasswordResetConfirmView):
    """Django's own, which keeps the token out of the address, so that no Referer and no history carries it."""

    template_name = "admin_ui/welcome.html"
    success_url = reverse_lazy("start")
    post_reset_login = True
    post_reset_login_backend = "django.contrib.auth.backends.ModelBackend"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context_data(**kwargs)
        return {**context, "person": self.user, "is_usable": self.validlink}
