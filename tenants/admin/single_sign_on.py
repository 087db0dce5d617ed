"""Single sign-on: the provider is a setting. Rows of one would show its secret in clear, and are nobody's to make."""

from allauth.socialaccount import admin as social
from django.contrib import admin

admin.site.unregister([social.SocialApp, social.SocialToken])
