"""The pages of people, but for Django's admin."""

from django.urls import include, path

from admin_ui.views import (
    health,
    home,
    invitations,
    keys,
    members,
    platform,
    settings,
    upstreams,
)
from admin_ui.views.landing import landing
from admin_ui.views.welcome import Welcome

tenant = [
    path("", home.home, name="home"),
    path("checklist/", home.checklist, name="home_checklist"),
    path("keys/", keys.index, name="keys"),
    path("keys/new/", keys.new, name="keys_new"),
    path("keys/<uuid:key_id>/", keys.edit, name="keys_edit"),
    path("keys/<uuid:key_id>/rotate/", keys.rotate, name="keys_rotate"),
    path("keys/<uuid:key_id>/revoke/", keys.revoke, name="keys_revoke"),
    path("members/", members.index, name="members"),
    path("members/invite/", members.invite, name="members_invite"),
    path("members/invitations/<int:invitation_id>/withdraw/", members.withdraw, name="members_withdraw"),
    path("members/<str:username>/role/", members.role, name="members_role"),
    path("members/<str:username>/remove/", members.remove, name="members_remove"),
    path("upstreams/", upstreams.index, name="upstreams"),
    path("upstreams/new/", upstreams.new, name="upstreams_new"),
    path("upstreams/<uuid:upstream_id>/", upstreams.edit, name="upstreams_edit"),
    path("upstreams/<uuid:upstream_id>/test/", upstreams.test, name="upstreams_test"),
    path("upstreams/<uuid:upstream_id>/delete/", upstreams.delete, name="upstreams_delete"),
    path("settings/", settings.index, name="settings"),
    path("settings/suspend/", settings.suspend, name="settings_suspend"),
]

urlpatterns = [
    path("", landing, name="landing"),
    path("welcome/<uidb64>/<token>/", Welcome.as_view(), name="welcome"),
    path("invitation/<str:token>/", invitations.invitation, name="invitation"),
    path("start/", home.start, name="start"),
    path("t/<slug:slug>/", include(tenant)),
    path("platform/", platform.index, name="platform"),
    path("platform/tenants/new/", platform.new, name="platform_new"),
    path("platform/health/", health.index, name="health"),
]
