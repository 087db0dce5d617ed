"""The form for kept text."""

from collections.abc import Mapping
from typing import Any

from django import forms

from tenants import transcripts


class TranscriptsForm(forms.Form):
    """Whether the text of calls is kept, how long and how much."""

    enabled = forms.BooleanField(label="Keep what is asked and answered from now on", required=False)
    days = forms.IntegerField(
        label="For how many days", min_value=1, max_value=transcripts.MOST_DAYS, help_text="What is older is deleted."
    )
    max_mb = forms.IntegerField(
        label="Room",
        min_value=1,
        max_value=transcripts.MOST_MB,
        help_text="Megabytes. Where there is more, the oldest goes first.",
    )

    def __init__(self, data: Any = None, *, settings: Mapping[str, Any]) -> None:
        super().__init__(data, initial=transcripts.effective(settings))

    def settings(self) -> dict[str, Any]:
        """What the tenant's settings become: only what differs from the defaults is written down."""
        return {name: value for name, value in self.cleaned_data.items() if value != transcripts.DEFAULTS[name]}
