"""The whole URL map of people's pages on one page; /v1 is served beside it (proxy/asgi.py)."""

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("admin/", admin.site.urls),
    path("", include("admin_ui.urls")),
]
