"""The whole URL map on one page. /v1 is served beside it (proxy/asgi.py), unless LLMP_FAST_PATH=false."""

from django.contrib import admin
from django.templatetags.static import static
from django.urls import include, path
from django.utils.functional import lazy
from django.views.generic import RedirectView

from proxy.api import api

admin.site.site_header = admin.site.site_title = "LLM Proxy"
admin.site.index_title = "Everything that is kept"

urlpatterns = [
    # One door: sign-in with its second factor and its limits is the pages' own.
    path("admin/login/", RedirectView.as_view(pattern_name="account_login", query_string=True)),
    path("admin/", admin.site.urls),
    # Browsers ask for it where a page names no icon, as the API's description does not.
    path("favicon.ico", RedirectView.as_view(url=lazy(static, str)("icon.svg"))),
    path("", include("admin_ui.urls")),
    path("", api.urls),  # last: it answers "/" with a 404
]
