"""The pages of people, but for Django's admin."""

from allauth.account import views as account_views
from allauth.socialaccount import views as social_views
from allauth.socialaccount.providers.openid_connect import views as oidc_views
from django.urls import include, path

from admin_ui import policy_urls
from admin_ui.views import (
    alerts,
    audit,
    cache,
    channels,
    health,
    home,
    invitations,
    keys,
    limits,
    members,
    platform,
    playground,
    privacy,
    requests,
    saved_views,
    settings,
    upstreams,
    usage,
)
from admin_ui.views.forgotten import forgotten
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
    path("members/<str:username>/sign-in-link/", members.sign_in_link, name="members_sign_in_link"),
    path("upstreams/", upstreams.index, name="upstreams"),
    path("upstreams/new/", upstreams.new, name="upstreams_new"),
    path("upstreams/<uuid:upstream_id>/", upstreams.edit, name="upstreams_edit"),
    path("upstreams/<uuid:upstream_id>/test/", upstreams.test, name="upstreams_test"),
    path("upstreams/<uuid:upstream_id>/delete/", upstreams.delete, name="upstreams_delete"),
    path("requests/", requests.requests, name="requests"),
    path("requests.csv", requests.export, name="requests_export"),
    path("requests/<str:request_id>/", requests.detail, name="requests_detail"),
    path("requests/views/new/", saved_views.new, name="requests_views_new"),
    path("requests/views/<int:view_id>/", saved_views.rename, name="requests_views_rename"),
    path("requests/views/<int:view_id>/delete/", saved_views.delete, name="requests_views_delete"),
    path("playground/", playground.playground, name="playground"),
    path("playground/pass/", playground.give_pass, name="playground_pass"),
    path("privacy/", privacy.index, name="privacy"),
    path("privacy/trial/", privacy.trial, name="privacy_trial"),
    path("privacy/examples/", privacy.examples, name="privacy_examples"),
    path("privacy/placeholders/", privacy.renew, name="privacy_renew"),
    path("privacy/keys/<uuid:key_id>/", privacy.key, name="privacy_key"),
    path("cache/", cache.index, name="cache"),
    path("cache/forget/", cache.purge, name="cache_purge"),
    *policy_urls.TENANT,
    path("usage/", usage.usage, name="usage"),
    path("usage.csv", usage.export, name="usage_export"),
    path("limits/", limits.limits, name="limits"),
    path("limits/keys/<uuid:key_id>/", limits.key, name="limits_key"),
    path("audit/", audit.trail, name="audit"),
    path("alerts/", alerts.index, name="alerts"),
    path("alerts/acknowledge/", alerts.acknowledge_all, name="alerts_acknowledge_all"),
    path("alerts/channels/", channels.index, name="alerts_channels"),
    path("alerts/channels/new/", channels.new, name="alerts_channels_new"),
    path("alerts/channels/<uuid:channel_id>/", channels.edit, name="alerts_channels_edit"),
    path("alerts/channels/<uuid:channel_id>/test/", channels.test, name="alerts_channels_test"),
    path("alerts/channels/<uuid:channel_id>/pause/", channels.pause, name="alerts_channels_pause"),
    path("alerts/channels/<uuid:channel_id>/rotate/", channels.rotate, name="alerts_channels_rotate"),
    path("alerts/channels/<uuid:channel_id>/delete/", channels.delete, name="alerts_channels_delete"),
    path(
        "alerts/channels/<uuid:channel_id>/deliveries/<int:delivery_id>/again/",
        channels.again,
        name="alerts_channels_again",
    ),
    path("alerts/<str:alert_id>/acknowledge/", alerts.acknowledge, name="alerts_acknowledge"),
    path("settings/", settings.index, name="settings"),
    path("settings/suspend/", settings.suspend, name="settings_suspend"),
]

# Accounts are made by invitation, and addresses prove nothing: what allauth has for both is left out.
accounts = [
    path("sign-in/", account_views.login, name="account_login"),
    path("sign-up/", account_views.signup, name="account_signup"),  # closed, see admin_ui.accounts
    path("sign-out/", account_views.logout, name="account_logout"),
    path("inactive/", account_views.account_inactive, name="account_inactive"),
    path("confirm/", account_views.reauthenticate, name="account_reauthenticate"),
    path("password/", account_views.password_change, name="account_change_password"),
    path("forgotten/", forgotten, name="account_forgotten"),
    path("password/first/", account_views.password_set, name="account_set_password"),  # of who has none yet
    path("second-factor/", include("allauth.mfa.urls")),
    path("oidc/<str:provider_id>/login/", oidc_views.login, name="openid_connect_login"),
    path("oidc/<str:provider_id>/login/callback/", oidc_views.callback, name="openid_connect_callback"),
    path("connections/", social_views.connections, name="socialaccount_connections"),
    path("connections/sign-up/", social_views.signup, name="socialaccount_signup"),
    path("connections/cancelled/", social_views.login_cancelled, name="socialaccount_login_cancelled"),
    path("connections/error/", social_views.login_error, name="socialaccount_login_error"),
]

urlpatterns = [
    path("", landing, name="landing"),
    path("welcome/<uidb64>/<token>/", Welcome.as_view(), name="welcome"),
    path("invitation/<str:token>/", invitations.invitation, name="invitation"),
    path("accounts/", include(accounts)),
    path("start/", home.start, name="start"),
    path("t/<slug:slug>/", include(tenant)),
    path("platform/", platform.index, name="platform"),
    path("platform/tenants/new/", platform.new, name="platform_new"),
    *policy_urls.PLATFORM,
    path("platform/requests/", requests.all_requests, name="all_requests"),
    path("platform/requests.csv", requests.export_all, name="all_requests_export"),
    path("platform/requests/<str:request_id>/", requests.detail_of_all, name="all_requests_detail"),
    path("platform/usage/", usage.all_usage, name="all_usage"),
    path("platform/usage.csv", usage.export_all, name="all_usage_export"),
    path("platform/limits/", limits.all_limits, name="all_limits"),
    path("platform/audit/", audit.whole_trail, name="all_audit"),
    path("platform/audit/verify/", audit.verify, name="all_audit_verify"),
    path("platform/alerts/", alerts.all_alerts, name="all_alerts"),
    path("platform/alerts/acknowledge/", alerts.acknowledge_all_of_all, name="all_alerts_acknowledge_all"),
    path("platform/alerts/<str:alert_id>/acknowledge/", alerts.acknowledge_of_all, name="all_alerts_acknowledge"),
    path("platform/health/", health.index, name="health"),
]
