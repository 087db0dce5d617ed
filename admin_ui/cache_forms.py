"""The forms of the cache page."""

from collections.abc import Mapping
from typing import Any

from django import forms

from tenants import caching


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
        label="Give them to who asks the same in other words, too",
        required=False,
        help_text="Short English questions are compared by meaning; numbers, names, code and negations must agree.",
    )
    semantic_threshold = forms.FloatField(
        label="How like they must be",
        min_value=caching.LEAST_THRESHOLD,
        max_value=1,
        help_text="The cosine of the two; 1 is the same.",
    )
    semantic_ttl = forms.IntegerField(
        label="How old they may be",
        min_value=1,
        help_text="Seconds. An answer that is older is given to the same question only.",
    )

    prompt_enabled = forms.BooleanField(
        label="Mark prompts that come back",
        required=False,
        help_text="For tools that set no cache_control of their own: what the upstream has read before costs a tenth.",
    )

    def __init__(self, data: Any = None, *, settings: Mapping[str, Any]) -> None:
        now = caching.effective(settings, {})
        super().__init__(data, initial={name: now[cache][inner] for name, (cache, inner) in self._places().items()})
        self._before = settings

    def settings(self) -> dict[str, Any]:
        """What the tenant's settings become: only what differs from the defaults is written down."""
        changed: dict[str, dict[str, Any]] = {}
        for name, (cache, inner) in self._places().items():
            if self.cleaned_data[name] != caching.CACHES[cache][inner]:
                changed.setdefault(cache, {})[inner] = self.cleaned_data[name]
        rest = {name: value for name, value in self._before.items() if name not in caching.CACHES}
        return {**rest, **changed}

    @classmethod
    def _places(cls) -> dict[str, tuple[str, str]]:
        """The setting that each field is: semantic_ttl is `ttl` of `semantic`, ttl that of `exact`."""
        found = {}
        for name in cls.base_fields:
            cache, _sign, inner = name.partition("_")
            found[name] = (cache, inner) if cache in caching.CACHES else ("exact", name)
        return found


class PurgeForm(forms.Form):
    """Which answers are to be forgotten."""

    model = forms.CharField(required=False, max_length=200, help_text="As it was served. Empty: of every model.")
    tag = forms.CharField(required=False, max_length=100, help_text="What clients sent as x-llmp-cache-tag.")

    @property
    def which(self) -> dict[str, str]:
        """Only what was given."""
        return {name: value for name, value in self.cleaned_data.items() if value}
