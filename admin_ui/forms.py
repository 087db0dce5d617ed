"""The forms of people's pages: those of the admin, narrowed to one tenant, with choices instead of free text."""

from datetime import timedelta
from typing import Any

from django import forms
from django.utils import timezone

from admin_ui.allowance_fields import AllowanceFields
from tenants import actions
from tenants.admin import forms as admin_forms
from tenants.models import Membership, Tenant

_ROWS = {"rows": 3, "spellcheck": "false"}
_EXPIRIES = (("", "Never"), ("7", "In 7 days"), ("30", "In 30 days"), ("90", "In 90 days"), ("365", "In a year"))


class KeyForm(AllowanceFields, admin_forms.ApiKeyForm):
    """A key of the tenant that the instance names."""

    expires_in = forms.ChoiceField(label="Expires", choices=_EXPIRIES, required=False)
    limits = budgets = None  # type: ignore[assignment]  # as the admin has them; here each has fields of its own

    class Meta(admin_forms.ApiKeyForm.Meta):
        fields = ["name", "scopes", "model_globs", "ip_allow", "expires_at", "metadata"]
        widgets = {
            "name": forms.TextInput(attrs={"placeholder": "ci-pipeline", "autocomplete": "off"}),
            "expires_at": forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        }
        help_texts = {
            "name": "Who or what uses it. Shown in requests, usage and audit.",
            "expires_at": "In your time zone. Empty: never.",
        }

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        unused = "expires_in" if not self.instance._state.adding else "expires_at"
        del self.fields[unused]
        for name in ("model_globs", "ip_allow", "metadata"):
            self.fields[name].widget.attrs.update(_ROWS)

    @property
    def options(self) -> dict[str, Any]:
        """What `actions.issue_key` takes."""
        values = {name: self.cleaned_data[name] for name in self.without_allowances(self.cleaned_data)}
        days = values.pop("expires_in", "")
        expires_at = timezone.now() + timedelta(days=int(days)) if days else None
        return {**values, **self.allowances(), "expires_at": expires_at}

    @property
    def changes(self) -> dict[str, Any]:
        """What `actions.change_key` takes: the fields that differ."""
        plain = {name: self.cleaned_data[name] for name in self.without_allowances(self.changed_data)}
        return {**plain, **self.changed_allowances()}


class UpstreamForm(admin_forms.UpstreamForm):
    """An upstream of the tenant that the instance names. Its credential goes in and never comes out."""

    class Meta(admin_forms.UpstreamForm.Meta):
        fields = [name for name in admin_forms.UpstreamForm.Meta.fields if name != "tenant"]
        widgets = {
            "name": forms.TextInput(attrs={"placeholder": "anthropic", "autocomplete": "off"}),
            "base_url": forms.TextInput(attrs={"placeholder": "https://api.anthropic.com", "inputmode": "url"}),
        }

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if self.instance._state.adding:
            del self.fields["clear_credential"]
            self.fields["new_credential"].help_text = "The upstream's API key. Stored encrypted and never shown again."
        for name in ("model_globs", "model_aliases"):
            self.fields[name].widget.attrs.update(_ROWS)
        self.fields["is_enabled"].label = "Requests may go to it"

    @property
    def values(self) -> dict[str, Any]:
        """The model's fields, for `actions.add_upstream`."""
        return {name: self.cleaned_data[name] for name in self.Meta.fields}

    @property
    def changes(self) -> dict[str, Any]:
        """What `actions.change_upstream` takes: the fields that differ."""
        return {name: self.cleaned_data[name] for name in self.Meta.fields if name in self.changed_data}

    @property
    def credential(self) -> str | actions.Unchanged:
        self.cleaned_data.setdefault("clear_credential", False)
        return super().credential


class SettingsForm(AllowanceFields, admin_forms.TenantForm):
    """What a tenant's managers may change of it."""

    limits = budgets = None  # type: ignore[assignment]  # as the admin has them; here each has fields of its own

    class Meta(admin_forms.TenantForm.Meta):
        fields = ["name", "timezone", "model_aliases", "alert_at", "require_mfa"]
        labels = {"require_mfa": "Everybody here needs a second factor"}
        help_texts = {
            "timezone": "Such as Europe/Rome: what a day and a month mean in budgets and reports.",
            "require_mfa": "Who has none is led to add an authenticator app or a passkey before they see it.",
        }

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["model_aliases"].widget.attrs.update(_ROWS)

    @property
    def changes(self) -> dict[str, Any]:
        """What `actions.change_tenant` takes: the fields that differ."""
        plain = {name: self.cleaned_data[name] for name in self.without_allowances(self.changed_data)}
        return {**plain, **self.changed_allowances()}


class TenantForm(forms.ModelForm):  # type: ignore[type-arg]
    """A new tenant."""

    class Meta:
        model = Tenant
        fields = ["name", "slug", "timezone"]
        help_texts = {
            "slug": "In addresses and usage records. It cannot be changed later.",
            "timezone": "Such as Europe/Rome: what a day and a month mean in budgets and reports.",
        }


class RoleForm(forms.Form):
    """What a member may do."""

    role = forms.ChoiceField(choices=Membership.Role.choices)


def roles_hint() -> list[tuple[str, str]]:
    """Each role and what it may do."""
    return [
        ("Owner", "Everything, and who the owners are."),
        ("Admin", "Keys, upstreams, members and settings."),
        ("Member", "Looks at everything, uses the playground and keeps documents."),
        ("Viewer", "Looks at everything."),
    ]


class InviteForm(forms.Form):
    """Who is asked to join, as what."""

    note = forms.CharField(
        label="For whom",
        max_length=200,
        help_text="A name or an address, so that you know the link again. Nothing is sent: you pass the link on.",
    )
    role = forms.ChoiceField(choices=Membership.Role.choices, initial=Membership.Role.MEMBER)


def adopt(form: forms.BaseForm, refused: forms.ValidationError) -> None:
    """Show what an action refused beside the fields it concerns."""
    if hasattr(refused, "error_dict"):
        for name, errors in refused.error_dict.items():
            form.add_error(name if name in form.fields else None, errors)
    else:
        form.add_error(None, refused)
