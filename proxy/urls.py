"""The whole URL map on one page. /v1 is served beside it (proxy/asgi.py), unless LLMP_FAST_PATH=false."""

from django.contrib import admin
from django.urls import include, path

from proxy.api import api

urlpatterns = [
    path("admin/", admin.site.urls),
    path("", include("admin_ui.urls")),
    path("", api.urls),  # last: it answers "/" with a 404
]
