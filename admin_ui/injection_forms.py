"""The forms of what requests are given: a tenant's settings, and where a key differs."""

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms

from admin_ui import collection_forms
from tenants import retrieval
from tenants.models import Collection

_FORMS = {
    "search_result": "Search results, which Claude cites by source and title",
    "document": "Documents, for clients that know these alone",
    "text": "Text, for models that know neither",
}
_NUMBERS = ("top_k", "min_score", "max_tokens")
_SWITCHES = ("citations", "tool")
_SAID: Mapping[Any, str] = {True: "true", False: "false"}
_AS_TENANT, _NONE, _OWN = "", "none", "own"


def _whole(label: str, most: int, help_text: str) -> forms.IntegerField:
    return forms.IntegerField(label=label, required=False, min_value=1, max_value=most, help_text=help_text)


class _Numbers(forms.Form):
    top_k = _whole("Passages", retrieval.MOST_PASSAGES, "At most so many in a turn.")
    min_score = forms.FloatField(
        label="Least score",
        required=False,
        min_value=0,
        max_value=1,
        widget=forms.NumberInput(attrs={"step": "0.05"}),
        help_text="Cosine of question and passage. A collection’s search box shows what it leaves out.",
    )
    max_tokens = _whole("Room", retrieval.MOST_TOKENS, "Tokens of all passages of a turn together.")


class InjectForm(_Numbers):
    """What all requests of the tenant are given."""

    collections = forms.MultipleChoiceField(
        label="Looked up in",
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="Without any, only requests that name one in x-llmp-rag are given passages.",
    )
    citations = forms.BooleanField(label="Ask the model to cite its sources", required=False)
    tool = forms.BooleanField(
        label="Let the model search by itself",
        required=False,
        help_text="With a tool that is answered here, in requests that bring no tools of their own.",
    )

    def __init__(self, data: Any = None, *, settings: Mapping[str, Any], collections: Sequence[Collection]) -> None:
        super().__init__(data, initial=retrieval.effective(settings, {}))
        self._before = settings
        self.fields["collections"].choices = collection_forms.names(collections)  # type: ignore[attr-defined]
        self.fields["as"] = forms.ChoiceField(label="Given as", choices=list(_FORMS.items()))
        for name in _NUMBERS:
            self.fields[name].required = True

    @property
    def form_field(self) -> forms.BoundField:
        """The field whose name is a word of Python's."""
        return self["as"]

    def settings(self) -> dict[str, Any]:
        """What the tenant's settings become: only what differs from the defaults is written down."""
        chosen = {name: value for name, value in self.cleaned_data.items() if value != retrieval.DEFAULTS[name]}
        return {**_others(self._before, self.fields), **chosen}


class KeyInjectForm(_Numbers):
    """Where one key differs; what is left empty is as for the tenant."""

    which = forms.ChoiceField(
        label="Looked up in",
        required=False,
        widget=forms.RadioSelect,
        choices=[(_AS_TENANT, "What the tenant’s settings name"), (_NONE, "Nothing"), (_OWN, "These:")],
    )
    collections = forms.MultipleChoiceField(
        label="Collections",
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="Those that this key may ask.",
    )
    citations = forms.ChoiceField(
        required=False, choices=[("", "As the tenant"), ("true", "Asked for"), ("false", "Not asked for")]
    )
    tool = forms.ChoiceField(
        label="The model searches by itself",
        required=False,
        choices=[("", "As the tenant"), ("true", "Yes, with a tool"), ("false", "No, passages are given")],
    )

    def __init__(
        self,
        data: Any = None,
        *,
        settings: Mapping[str, Any],
        tenant: Mapping[str, Any],
        collections: Sequence[Collection],
    ) -> None:
        own = settings.get("collections")
        switches = {name: _SAID.get(settings.get(name), "") for name in _SWITCHES}
        which = _AS_TENANT if own is None else _OWN if own else _NONE
        super().__init__(data, initial={**settings, **switches, "which": which})
        self._before = settings
        inherited = retrieval.effective(tenant, {})
        self.fields["collections"].choices = collection_forms.names(collections)  # type: ignore[attr-defined]
        self.fields["as"] = forms.ChoiceField(
            label="Given as", required=False, choices=[("", "As the tenant"), *_FORMS.items()]
        )
        for name in _NUMBERS:
            self.fields[name].widget.attrs["placeholder"] = f"{inherited[name]} as the tenant"

    @property
    def form_field(self) -> forms.BoundField:
        """The field whose name is a word of Python's."""
        return self["as"]

    def clean(self) -> dict[str, Any]:
        if self.cleaned_data.get("which") == _OWN and not self.cleaned_data.get("collections"):
            self.add_error("collections", "Choose at least one, or look up nothing.")
        return self.cleaned_data

    def settings(self) -> dict[str, Any]:
        """What the key's settings become: only what it says of its own."""
        given = self.cleaned_data
        own = {name: given[name] for name in (*_NUMBERS, "as") if given[name] not in (None, "")}
        own |= {name: given[name] == "true" for name in _SWITCHES if given[name]}
        if given["which"]:
            own["collections"] = given["collections"] if given["which"] == _OWN else []
        return {**_others(self._before, self.fields), **own}


def _others(before: Mapping[str, Any], fields: Mapping[str, Any]) -> dict[str, Any]:
    """What the file or the command may have said that is not asked here."""
    return {name: value for name, value in before.items() if name not in fields}
