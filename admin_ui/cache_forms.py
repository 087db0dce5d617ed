"""The forms of the cache page."""

from collections.abc import Mapping
from typing import Any

from django import forms

from tenants import caching

_SEMANTIC = "semantic_"  # what the fields of the semantic cache begin with


class CacheForm(forms.Form):
    """Whether and for how long answers are kept."""

    enabled = forms.BooleanField(
        label="Keep answers", required=False, help_text="Who asks exactly the same again gets the kept answer at once."
    )
    ttl = forms.IntegerField(label="For how long", min_value=1, help_text="Seconds, at most 30 days.")
    max_mb = forms.IntegerField(
        label="Room", min_value=1, help_text="Megabytes. What was not used for longest goes first."
    )
    sampled = forms.BooleanField(
        label="Also where the temperature is not 0",
        required=False,
        help_text="Most tools leave it at 1. Who asks twice then gets the same answer twice.",
    )
    tool_results = forms.BooleanField(
        label="Also after results of tools", required=False, help_text="The turns of agents. They are seldom the same."
    )
    single_flight = forms.BooleanField(
        label="Let those who ask the same at once share one call",
        required=False,
        help_text="The others wait for the first one's answer.",
    )

    semantic_enabled = forms.BooleanField(
        label="Also to who asks the same in other words",
        required=False,
        help_text="Short questions in English are compared by meaning; numbers, names, code and negations must agree.",
    )
    semantic_threshold = forms.FloatField(
        label="How like they must be",
        min_value=caching.LEAST_THRESHOLD,
        max_value=1,
        help_text="The cosine of the two; 1 is the same.",
    )
    semantic_ttl = forms.IntegerField(
        label="For how long",
        min_value=1,
        help_text="Seconds. An answer that is older is given to the same question only.",
    )

    def __init__(self, data: Any = None, *, settings: Mapping[str, Any]) -> None:
        now = caching.effective(settings, {})
        semantic = {f"{_SEMANTIC}{name}": value for name, value in now["semantic"].items()}
        super().__init__(data, initial={**now["exact"], **semantic})
        self._before = settings

    def settings(self) -> dict[str, Any]:
        """What the tenant's settings become: only what differs from the defaults is written down."""
        chosen: dict[str, dict[str, Any]] = {"exact": {}, "semantic": {}}
        for name, value in self.cleaned_data.items():
            cache = "semantic" if name.startswith(_SEMANTIC) else "exact"
            chosen[cache][name.removeprefix(_SEMANTIC)] = value
        changed = {
            cache: {name: value for name, value in values.items() if value != caching.CACHES[cache][name]}
            for cache, values in chosen.items()
        }
        rest = {name: value for name, value in self._before.items() if name not in chosen}
        return {**rest, **{cache: values for cache, values in changed.items() if values}}


class PurgeForm(forms.Form):
    """Which answers are to be forgotten."""

    model = forms.CharField(required=False, max_length=200, help_text="As it was served. Empty: of every model.")
    tag = forms.CharField(required=False, max_length=100, help_text="What clients sent as x-llmp-cache-tag.")

    @property
    def which(self) -> dict[str, str]:
        """Only what was given."""
        return {name: value for name, value in self.cleaned_data.items() if value}
