"""The admin's forms. They check; what they collected is written by `tenants.actions`."""

from datetime import timedelta
from typing import Any

from django import forms
from django.http import QueryDict

from tenants import actions, destinations, validators
from tenants.admin.fields import (
    BudgetsField,
    LinesField,
    NumbersField,
    ObjectField,
    PairsField,
    PercentagesField,
    ScopesField,
)
from tenants.models import ApiKey, Membership, Scope, Tenant, Upstream
from tenants.models.defaults import all_models
from tenants.models.keys import default_scopes

_LIMITS_HELP = f"One a line, e.g. rpm = 600. Known: {', '.join(validators.LIMITS)}. Empty: no limit."
_BUDGETS_HELP = (
    "One a line: 20 usd a month, 5000000 tokens a day warn, 9 usd a day alert 80, "
    "50 usd a month from 80 model claude-haiku-4-5 from 90 max_tokens 1024. Units: "
    f"{', '.join(validators.BUDGET_UNITS)}; periods: "
    f"{', '.join(validators.BUDGET_PERIODS)}. Empty: no budget."
)


class TenantForm(forms.ModelForm):  # type: ignore[type-arg]
    model_aliases = PairsField(
        required=False, help_text="One a line: model asked for = model served. Upstreams may have aliases of their own."
    )

    limits = NumbersField(required=False, help_text=f"For all its keys together. {_LIMITS_HELP}")
    budgets = BudgetsField(required=False, help_text=f"For all its keys together. {_BUDGETS_HELP}")

    alert_at = PercentagesField(
        label="Budget alerts at",
        required=False,
        help_text="Percent of each budget, e.g. 50, 75, 90. Empty: at none. A budget may have its own.",
    )

    pii = ObjectField(
        label="Personal data", required=False, help_text="As in a file: docs/privacy.md. The tenant's page is easier."
    )

    inject = ObjectField(
        label="Passages in requests",
        required=False,
        help_text="As in a file: docs/rag.md. Which of its documents' passages its requests are given.",
    )

    transcripts = ObjectField(
        label="Kept text",
        required=False,
        help_text="As in a file: docs/transcripts.md. {enabled: true, days: 14} keeps what is asked and answered.",
    )

    class Meta:
        model = Tenant
        fields = [
            *(
                "slug",
                "name",
                "status",
                "timezone",
                "require_mfa",
                "model_aliases",
                "limits",
                "budgets",
                "alert_at",
                "pii",
            ),
            *("inject", "transcripts"),
        ]


class MemberForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = Membership
        fields = ["user", "role"]

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if not self.instance._state.adding:
            self.fields["user"].disabled = True  # another person is another membership


class ApiKeyForm(forms.ModelForm):  # type: ignore[type-arg]
    scopes = ScopesField(choices=Scope.choices, initial=default_scopes)
    model_globs = LinesField(
        label="Models", initial=all_models, help_text="Models it may ask for, one glob a line: claude-haiku-*"
    )
    ip_allow = LinesField(
        label="Networks", required=False, help_text="CIDRs it may be used from, one a line. Empty: from anywhere."
    )
    limits = NumbersField(required=False, help_text=f"Beside the tenant's; the tighter counts. {_LIMITS_HELP}")
    budgets = BudgetsField(required=False, help_text=f"Beside the tenant's. {_BUDGETS_HELP}")
    pii = ObjectField(label="Personal data", required=False, help_text="Where it differs from the tenant's.")
    inject = ObjectField(label="Passages in requests", required=False, help_text="Where it differs from the tenant's.")
    cache = ObjectField(label="Kept answers", required=False, help_text="Where it differs from the tenant's.")
    metadata = PairsField(required=False, help_text="Your own notes on it, one a line: team = platform")

    class Meta:
        model = ApiKey
        fields = [
            "tenant",
            "name",
            "scopes",
            "model_globs",
            "ip_allow",
            "expires_at",
            "limits",
            "budgets",
            "pii",
            "inject",
            "cache",
            "metadata",
        ]


class RotateForm(forms.Form):
    """How long the old secret goes on working, and which one that is: a page sent twice must not rotate twice."""

    replaces = forms.IntegerField(widget=forms.HiddenInput)
    overlap_hours = forms.IntegerField(
        min_value=0,
        max_value=actions.MAX_OVERLAP // timedelta(hours=1),
        initial=actions.DEFAULT_OVERLAP // timedelta(hours=1),
        label="Hours the old secret keeps working",
        help_text="0 ends it at once, e.g. after a leak.",
    )

    def __init__(self, data: QueryDict | None, *, newest: int) -> None:
        super().__init__(data, initial={"replaces": newest})
        self._newest = newest

    def clean(self) -> dict[str, Any]:
        if self.cleaned_data.get("replaces") != self._newest:
            raise forms.ValidationError("The key was rotated meanwhile. Load the page anew to rotate it again.")
        return {"overlap": timedelta(hours=self.cleaned_data.get("overlap_hours", 0))}


class UpstreamForm(forms.ModelForm):  # type: ignore[type-arg]
    new_credential = forms.CharField(
        label="Credential",
        required=False,
        validators=[validators.check_credential],
        widget=forms.PasswordInput(render_value=False, attrs={"autocomplete": "new-password", "size": 60}),
        help_text="The upstream's API key. Stored encrypted and never shown again. Leave empty to keep what is stored.",
    )
    clear_credential = forms.BooleanField(required=False, help_text="Forget the stored credential.")
    model_globs = LinesField(
        label="Models", initial=all_models, help_text="Models it serves, one glob a line: claude-*"
    )
    model_aliases = PairsField(required=False, help_text="One a line: our name = this upstream's name.")

    class Meta:
        model = Upstream
        fields = [
            "tenant",
            "name",
            "kind",
            "base_url",
            "model_globs",
            "model_aliases",
            "priority",
            "is_enabled",
            "connect_timeout_seconds",
            "read_timeout_seconds",
            "max_connections",
        ]
        help_texts = {
            "base_url": (
                f"Without /v1; empty for Anthropic: {destinations.ANTHROPIC_URL}. "
                "Changing it clears the stored credential, unless you enter one in the same step."
            ),
        }

    def clean_new_credential(self) -> str:
        return str(self.cleaned_data["new_credential"]).strip()

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        kind = cleaned.get("kind", "")
        cleaned["base_url"] = actions.settled_base_url(kind, cleaned.get("base_url"))
        if kind == Upstream.Kind.SIMULATOR and cleaned.get("new_credential"):
            self.add_error("new_credential", "The simulator is built in: it takes no credential.")
        return cleaned

    def _post_clean(self) -> None:
        super()._post_clean()  # type: ignore[misc]  # the hook of Django's forms where the row itself is checked
        if not self.errors and "base_url" in self.changed_data:
            try:
                actions.check_resolved(self.cleaned_data["base_url"])
            except forms.ValidationError as forbidden:
                self.add_error(None, forbidden)

    @property
    def credential(self) -> str | actions.Unchanged:
        """What is to become of the stored credential."""
        entered = str(self.cleaned_data["new_credential"])
        if entered:
            return entered
        return "" if self.cleaned_data["clear_credential"] else actions.UNCHANGED
