"""The form that asks for a replay."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile

from proxy.replays import sources
from proxy.replays.queue import Material
from proxy.replays.sources import MOST_LINES, MOST_SAMPLE_BYTES, Unreadable
from tenants import transcripts
from tenants.models import PolicyVersion, Tenant

KEPT, SAMPLE = "kept", "sample"
_MOST_NAMED = 5
_WORDS = {"draft": "the draft", "active": "it holds", "past": "past"}


class _VersionField(forms.ModelChoiceField):  # type: ignore[type-arg]
    def label_from_instance(self, obj: PolicyVersion) -> str:
        """The version's title."""
        return title_of(obj)


class ReplayForm(forms.Form):
    """Which version of a policy is tried, and on what. `has_text`: the tenant has kept text."""

    version = _VersionField(PolicyVersion.objects.none(), label="Policy", empty_label=None)
    on = forms.ChoiceField(
        label="Tried on",
        choices=[(KEPT, "What was asked, as it is kept"), (SAMPLE, "A sample")],
        widget=forms.RadioSelect,
    )
    days = forms.IntegerField(
        label="Days back", required=False, min_value=1, max_value=transcripts.MOST_DAYS, help_text="Of kept text."
    )
    sample = forms.FileField(
        required=False,
        help_text=f"JSON lines: a Messages request in each, with its answer as response if you have it. "
        f"At most {MOST_SAMPLE_BYTES // 1024 // 1024} MB and {MOST_LINES:,} lines.",
        widget=forms.FileInput(attrs={"accept": ".jsonl,.ndjson,.json,.txt"}),
    )

    def __init__(
        self, data: Any = None, files: Any = None, *, tenant: Tenant | None, has_text: bool, number: str = ""
    ) -> None:
        initial = {"on": KEPT if has_text else SAMPLE, "days": 7}
        super().__init__(data, files, initial=initial)
        self._text = ""
        versions = PolicyVersion.objects.filter(tenant=tenant)
        field = self.fields["version"]
        assert isinstance(field, _VersionField)
        field.queryset = versions
        chosen = versions.filter(number=number).first() if number.isdecimal() and len(number) < 9 else None
        field.initial = chosen or versions.filter(state=PolicyVersion.State.DRAFT).first() or versions.first()
        if not has_text:
            del self.fields["days"]
            self.fields["on"].widget = forms.HiddenInput()
            self.fields["on"].choices = [(SAMPLE, "A sample")]  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        """What it is tried on has to be there, and to be readable."""
        on = self.cleaned_data.get("on")
        if on == KEPT and not self.cleaned_data.get("days") and "days" not in self.errors:
            self.add_error("days", "Say how many days.")
        if on == SAMPLE and "sample" not in self.errors:
            try:
                self._text = _text(self.cleaned_data.get("sample"))
            except ValidationError as wrong:
                self.add_error("sample", wrong)
        return self.cleaned_data

    @property
    def material(self) -> Material:
        """What it is tried on."""
        if self.cleaned_data["on"] == KEPT:
            return Material(days=self.cleaned_data["days"])
        return Material(sample=self._text, sample_name=self.cleaned_data["sample"].name)


def title_of(version: PolicyVersion) -> str:
    """`Version 7 (the draft): no shell`."""
    note = f": {version.note}" if version.note else ""
    return f"Version {version.number} ({_WORDS[version.state]}){note}"


def _text(file: "UploadedFile[Any] | None") -> str:
    """The sample, if a line of it can be judged. Raises ValidationError with the lines that cannot."""
    if file is None:
        raise ValidationError("Choose a file.")
    if (file.size or 0) > MOST_SAMPLE_BYTES:
        raise ValidationError(
            f"The file is too large: at most {MOST_SAMPLE_BYTES // 1024 // 1024} MB. Take a part of it."
        )
    try:
        text = str(file.read(), "utf-8-sig")
    except UnicodeDecodeError as wrong:
        raise ValidationError(f"It is no UTF-8 text (byte {wrong.start}). Save it as UTF-8.") from None
    if sources.lines_of(text) > MOST_LINES:
        raise ValidationError(f"It has {sources.lines_of(text):,} lines: at most {MOST_LINES:,}. Take a part of it.")
    bad = []
    for found, _line in sources.of_sample(text):
        if not isinstance(found, Unreadable):
            return text
        bad.append(f"{found.name.capitalize()}: {found.why}")
    raise ValidationError(bad[:_MOST_NAMED] or ["The file is empty."])
