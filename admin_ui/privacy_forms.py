"""The forms of the privacy page: settings as people think of them, kept as `tenants.privacy` checks them."""

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms

from tenants import entities, privacy
from tenants.admin.fields import LinesField

MODES = (
    ("off", "Off", "Not looked for."),
    ("monitor", "Monitor", "Counted and sent as it is: see what passes before anything changes."),
    ("redact", "Redact", "Replaced for good: [CREDIT_CARD]. The answer holds no value."),
    ("pseudonymize", "Pseudonymize", "Replaced on the way out, put back in the answer. Nobody notices."),
    ("block", "Block", "The request is refused, and says which types it held."),
)
_CHOICES = [(mode, word) for mode, word, _ in MODES]
_OUTPUT_CHOICES = [("", "Monitor, where requests are read"), *(one for one in _CHOICES if one[0] != "pseudonymize")]
_TYPE = "type_"
_ROWS = {"rows": 3, "spellcheck": "false"}
_SWITCHES = {
    "unknown_blocks": [("pass", "Let them through unread"), ("scan", "Read every text in them"), ("block", "Refuse")],
    "attachments": [("pass", "Let them through; the request's record says so"), ("refuse", "Refuse the request")],
    "on_failure": [("closed", "Refuse the request (503)"), ("open", "Send it unread; its record says so")],
}
_PLAIN = {"mode": "off", "min_score": 0.5, "languages": [], "restore_secrets": True} | {
    name: choices[0][0] for name, choices in _SWITCHES.items()
}


class ModesForm(forms.Form):
    """A mode for everything, and for each type. `inherits` is the word for "as the level above says"."""

    inherits = "As the tenant"

    def __init__(self, data: Any = None, *, settings: Mapping[str, Any], own: Sequence[Mapping[str, Any]]) -> None:
        modes = settings.get("entities", {})
        shown = {entities.SPELLINGS.get(name, name): mode for name, mode in modes.items()}
        initial = {**settings, **{f"{_TYPE}{name}": mode for name, mode in shown.items()}}
        super().__init__(data, initial={**initial, "output_mode": settings.get("output", {}).get("mode", "")})
        self._before = settings
        own_types = {one["name"]: f"Your own: {one['regex']}" for one in own}
        for name, words in {**entities.TYPES, entities.DENIED: "What your deny-list names", **own_types}.items():
            choices = [("", self.inherits), *_CHOICES]
            self.fields[f"{_TYPE}{name}"] = forms.ChoiceField(
                label=name, choices=choices, required=False, help_text=words
            )

    @property
    def types(self) -> list[Any]:
        """The fields of the types."""
        return [self[name] for name in self.fields if name.startswith(_TYPE)]

    def modes(self) -> dict[str, Any]:
        """What the fields above come to; what they do not show stays as it was."""
        chosen = {
            name.removeprefix(_TYPE): mode
            for name, mode in self.cleaned_data.items()
            if name.startswith(_TYPE) and mode
        }
        output = {name: value for name, value in self._before.get("output", {}).items() if name != "mode"}
        if self.cleaned_data["output_mode"]:
            output["mode"] = self.cleaned_data["output_mode"]
        return {name: value for name, value in (("entities", chosen), ("output", output)) if value}


class PrivacyForm(ModesForm):
    """A tenant's settings, but for its own recognisers."""

    inherits = "As above"

    mode = forms.ChoiceField(label="What is done", choices=_CHOICES)
    output_mode = forms.ChoiceField(
        label="What the model writes by itself",
        choices=_OUTPUT_CHOICES,
        required=False,
        help_text="Personal data and keys in answers that were not in the request.",
    )
    min_score = forms.FloatField(
        label="Least score",
        min_value=0,
        max_value=1,
        widget=forms.NumberInput(attrs={"step": "0.05"}),
        help_text="From 0 to 1: how sure a finding must be. Lower finds more, and more that is none.",
    )
    languages = forms.CharField(
        label="Languages",
        required=False,
        widget=forms.TextInput(attrs={"placeholder": "all", "spellcheck": "false"}),
        help_text="Codes such as en, de: whose words for phones, streets and columns count, and whose identity "
        "numbers. Names are found in any.",
    )
    allow = LinesField(label="Never replaced", required=False, help_text="One a line, such as support@acme.example")
    deny = LinesField(label="Always replaced", required=False, help_text="Terms, one a line, found as TERM.")
    attachments = forms.ChoiceField(
        label="Images and files", choices=_SWITCHES["attachments"], help_text="They cannot be read."
    )
    unknown_blocks = forms.ChoiceField(
        label="Blocks of later versions",
        choices=_SWITCHES["unknown_blocks"],
        help_text="Kinds of content that this release does not know.",
    )
    on_failure = forms.ChoiceField(label="What could not be read in time", choices=_SWITCHES["on_failure"])
    restore_secrets = forms.BooleanField(
        label="Put keys and passwords back into the inputs of tools",
        required=False,
        help_text="So that a tool edits a file that holds them. They never go back into text that people read.",
    )

    def __init__(self, data: Any = None, *, settings: Mapping[str, Any]) -> None:
        super().__init__(data, settings={**_PLAIN, **settings}, own=settings.get("custom", []))
        self.initial["languages"] = ", ".join(self.initial["languages"])
        for name in ("allow", "deny"):
            self.fields[name].widget.attrs.update(_ROWS)

    def settings(self, custom: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """What `actions.change_tenant` takes as `pii`: only what differs from the defaults."""
        said = dict(self.cleaned_data)
        said["languages"] = said["languages"].replace(",", " ").split()
        own = {name: said[name] for name in (*_PLAIN, "allow", "deny") if said[name] not in ("", [])}
        return {
            **{name: value for name, value in own.items() if name == "mode" or value != _PLAIN.get(name)},
            **self.modes(),
            **({"custom": list(custom)} if custom else {}),
        }


class KeyPrivacyForm(ModesForm):
    """Where a key differs from its tenant."""

    mode = forms.ChoiceField(label="What is done", choices=[("", "As the tenant"), *_CHOICES], required=False)
    output_mode = forms.ChoiceField(
        label="What the model writes by itself",
        choices=[("", "As the tenant"), *_OUTPUT_CHOICES[1:]],
        required=False,
    )

    def settings(self) -> dict[str, Any]:
        """What `actions.change_key` takes as `pii`."""
        mode = {"mode": self.cleaned_data["mode"]} if self.cleaned_data["mode"] else {}
        return {**mode, **self.modes()}


class RecogniserForm(forms.Form):
    """One of a tenant's own entity types."""

    name = forms.CharField(
        max_length=32, widget=forms.TextInput(attrs={"placeholder": "EMPLOYEE_ID", "spellcheck": "false"})
    )
    regex = forms.CharField(
        label="Pattern",
        max_length=1000,
        widget=forms.TextInput(attrs={"placeholder": r"\bAC-\d{6}\b", "spellcheck": "false", "class": "mono"}),
        help_text="RE2’s syntax. A group ( ) says which part is replaced.",
    )
    score = forms.FloatField(
        min_value=0, max_value=1, initial=1.0, widget=forms.NumberInput(attrs={"step": "0.05"}), required=False
    )
    context = LinesField(label="Words nearby", required=False, help_text="They make a match surer. One a line.")
    matches = LinesField(label="Must match", required=False, help_text="Examples, one a line.")
    misses = LinesField(label="Must not match", required=False, help_text="Saving is refused where an example fails.")

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        for name in ("context", "matches", "misses"):
            self.fields[name].widget.attrs.update({**_ROWS, "rows": 2})

    @property
    def recogniser(self) -> dict[str, Any]:
        """As it is kept."""
        said = {
            name: value for name, value in self.cleaned_data.items() if name != "DELETE" and value not in (None, [])
        }
        return {"score": 1.0, **said}


Recognisers = forms.formset_factory(RecogniserForm, extra=1, can_delete=True, max_num=50)


def proved(regex: str, examples: Mapping[bool, Sequence[str]]) -> tuple[str, list[tuple[str, bool, bool]]]:
    """What is wrong with the pattern, and for each example whether it matches and whether it should."""
    try:
        privacy.check_regex(regex)
    except forms.ValidationError as wrong:
        return wrong.messages[0].removeprefix("regex: "), []
    return "", [
        (example, privacy.finds(regex, example), should) for should, given in examples.items() for example in given
    ]
