"""The pages of people, but for Django's admin."""

from django.urls import path

from admin_ui.views.landing import landing
from admin_ui.views.welcome import Welcome

urlpatterns = [
    path("", landing, name="landing"),
    path("welcome/<uidb64>/<token>/", Welcome.as_view(), name="welcome"),
]
