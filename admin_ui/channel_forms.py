"""The forms of channels that alerts are sent through."""

from typing import Any

from django import forms

from tenants.admin.fields import LinesField
from tenants.models import AlertChannel, EventKind
from tenants.models.alerts import all_event_kinds


class _ChannelForm(forms.ModelForm):  # type: ignore[type-arg]
    events = forms.MultipleChoiceField(
        label="Tell it when",
        choices=EventKind.choices,
        initial=all_event_kinds,
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "Choose at least one kind of event."},
    )

    @property
    def values(self) -> dict[str, Any]:
        """The model's fields, for `actions.add_channel`."""
        return dict(self.cleaned_data)

    @property
    def changes(self) -> dict[str, Any]:
        """What `actions.change_channel` takes: the fields that differ."""
        return {name: self.cleaned_data[name] for name in self.changed_data}


class EmailForm(_ChannelForm):
    """People who get mails."""

    recipients = LinesField(label="E-mail addresses", help_text="One a line, up to 20. Each sees the others.")

    class Meta:
        model = AlertChannel
        fields = ["name", "recipients", "events"]
        widgets = {"name": forms.TextInput(attrs={"placeholder": "team", "autocomplete": "off"})}

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.instance.kind = AlertChannel.Kind.EMAIL
        self.fields["recipients"].widget.attrs.update(rows=3)


class WebhookForm(_ChannelForm):
    """A program that gets signed messages."""

    class Meta:
        model = AlertChannel
        fields = ["name", "url", "events"]
        widgets = {
            "name": forms.TextInput(attrs={"placeholder": "pager", "autocomplete": "off"}),
            "url": forms.TextInput(attrs={"placeholder": "https://hooks.example.com/llm-proxy", "inputmode": "url"}),
        }
        help_texts = {"url": "Messages are posted there. https, without a query; redirects are not followed."}

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.instance.kind = AlertChannel.Kind.WEBHOOK
        self.fields["url"].required = True


FORMS: dict[str, type[_ChannelForm]] = {"email": EmailForm, "webhook": WebhookForm}
