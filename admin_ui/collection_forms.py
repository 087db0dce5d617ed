"""The forms of collections and documents; what they collect is checked by actions and kept as files have it."""

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms

from proxy.knowledge.documents import Facts
from proxy.knowledge.models import Document
from tenants import retrieval
from tenants.admin.fields import LinesField, PairsField
from tenants.models import ApiKey, Collection, Membership, Tenant, Upstream
from tenants.models.collections import BUILT_IN, NO_RANKING

_SHORT = {"rows": 2, "spellcheck": "false"}
_NAMES = {"autocomplete": "off", "spellcheck": "false"}
_WHEN_DOWN = (("", "Answer without passages, and say so in a header"), ("on", "Refuse the request with 503"))
_PERSONAL = (
    (Collection.PersonalData.KEEP, "Keep passages as they are; requests replace what privacy says"),
    (Collection.PersonalData.SCRUB, "Keep none: scrub passages, as privacy says, before they are kept"),
)
_SUSPICIOUS = (
    (Collection.Suspicious.MARK, "Mark them here and in traces"),
    (Collection.Suspicious.LEAVE_OUT, "Leave them out of every search"),
)
_FIELDS = (
    *("name", "description", "embedding", "chunk_tokens", "chunk_overlap", "reranking", "personal_data"),
    *("suspicious", "is_required", "key_globs", "roles"),
)


class CollectionForm(forms.ModelForm):  # type: ignore[type-arg]
    """A collection of the tenant that the instance names."""

    is_required = forms.TypedChoiceField(
        label="When it cannot be searched",
        choices=_WHEN_DOWN,
        coerce=bool,
        empty_value=False,  # type: ignore[arg-type]  # the stub knows texts alone
        required=False,
        widget=forms.RadioSelect,
        help_text="Where the store or the embedding model does not answer.",
    )
    personal_data = forms.ChoiceField(choices=_PERSONAL, widget=forms.RadioSelect)
    suspicious = forms.ChoiceField(
        label="Passages that read like orders to a model", choices=_SUSPICIOUS, widget=forms.RadioSelect
    )
    key_globs = LinesField(label="Keys", help_text="Globs of the names of the keys that may ask it, one a line.")
    roles = forms.MultipleChoiceField(
        choices=Membership.Role.choices,
        widget=forms.CheckboxSelectMultiple,
        help_text="Who among the members finds it here. Owners and admins always do, as they decide this.",
    )

    class Meta:
        model = Collection
        fields = _FIELDS
        labels = {
            "embedding": "Embedding model",
            "chunk_tokens": "Longest passage",
            "chunk_overlap": "Overlap",
            "reranking": "Ranked again by",
        }
        widgets = {
            "name": forms.TextInput(attrs={"placeholder": "handbook", **_NAMES}),
            "description": forms.TextInput(attrs={"placeholder": "What one finds in it", "autocomplete": "off"}),
            "embedding": forms.TextInput(attrs={"list": "embeddings", **_NAMES}),
            "reranking": forms.TextInput(attrs={"list": "rankings", **_NAMES}),
        }
        help_texts = {
            "name": "Lower-case letters, digits, - and _. Requests name it in x-llmp-rag.",
            "embedding": "default runs here and sends nothing anywhere. UPSTREAM/MODEL asks one of your upstreams.",
            "chunk_tokens": "In tokens; default reads up to 500.",
            "chunk_overlap": "Tokens that a passage repeats of the one before.",
            "reranking": "none, or UPSTREAM/MODEL of a server with /v1/rerank. default takes a third of a second here.",
        }

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["key_globs"].widget.attrs.update(_SHORT)
        self.initial["is_required"] = "on" if self.instance.is_required else ""

    @property
    def values(self) -> dict[str, Any]:
        """What `actions.add_collection` takes."""
        return {name: self.cleaned_data[name] for name in _FIELDS}

    @property
    def changes(self) -> dict[str, Any]:
        """What `actions.change_collection` takes: the fields that differ."""
        return {name: self.cleaned_data[name] for name in self.changed_data}


def models(tenant: Tenant) -> dict[str, list[str]]:
    """What may be written as models for embedding and for ranking: our own, and one of each upstream's."""
    upstreams = Upstream.objects.filter(tenant=tenant).exclude(base_url="").order_by("name")
    names = list(upstreams.values_list("name", flat=True))
    return {
        "embeddings": [BUILT_IN, *(f"{name}/text-embedding-3-small" for name in names)],
        "rankings": [NO_RANKING, BUILT_IN, *(f"{name}/rerank-v3.5" for name in names)],
    }


class DocumentForm(forms.Form):
    """What is said of a document beside its text."""

    title = forms.CharField(required=False, max_length=300, help_text="Citations name it. Empty: the file’s name.")
    tags = forms.CharField(
        required=False,
        max_length=5000,
        widget=forms.TextInput(attrs={"placeholder": "hr, 2026", **_NAMES}),
        help_text="Separated by commas. Searches can ask for them.",
    )
    metadata = PairsField(required=False, help_text="One a line: name = value.")

    def __init__(self, data: Any = None, *, document: Document) -> None:
        initial = {
            "title": document.title,
            "tags": ", ".join(map(str, document.tags)),
            "metadata": document.metadata,
        }
        super().__init__(data, initial=initial)
        self.fields["metadata"].widget.attrs.update(_SHORT)

    @property
    def facts(self) -> Facts:
        """What `documents.change` takes."""
        given = self.cleaned_data
        tags = [tag.strip() for tag in given["tags"].split(",") if tag.strip()]
        return Facts(given["title"], tags, given["metadata"])


class SearchForm(forms.Form):
    """A question, as a request would ask it."""

    question = forms.CharField(
        max_length=4000,
        widget=forms.TextInput(
            attrs={"type": "search", "placeholder": "How many days of leave are there?", "autocomplete": "off"}
        ),
    )
    mode = forms.ChoiceField(
        label="By",
        required=False,
        choices=[("hybrid", "Both"), ("vectors", "Meaning"), ("words", "Words")],
    )
    top_k = forms.IntegerField(label="Passages", required=False, min_value=1, max_value=50)

    def __init__(self, data: Any = None, *, top_k: int) -> None:
        super().__init__(data, initial={"mode": "hybrid", "top_k": top_k})
        self._top_k = top_k

    def clean(self) -> dict[str, Any]:
        given = self.cleaned_data
        return {**given, "mode": given.get("mode") or "hybrid", "top_k": given.get("top_k") or self._top_k}


def names(collections: Sequence[Collection]) -> list[tuple[str, str]]:
    """Collections as choices."""
    return [(row.name, row.name) for row in collections]


def differing(keys: Sequence[ApiKey]) -> list[tuple[ApiKey, str]]:
    """The keys that say something of their own, with what."""
    return [(key, _words(key.inject)) for key in keys if key.inject]


def _words(inject: Mapping[str, Any]) -> str:
    """`handbook · top_k 3`, `nothing is looked up`."""
    parts = []
    if "collections" in inject:
        parts.append(", ".join(inject["collections"]) or "nothing is looked up")
    parts += [f"{name} {inject[name]}" for name in retrieval.DEFAULTS if name in inject and name != "collections"]
    return " · ".join(parts)
