"""The form of one rule: fields as people think of them, kept as `tenants.policies` checks them."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from tenants import entities, policies
from tenants.admin.fields import LinesField, PairsField

PLACES = {
    "request": "Requests: system prompts, what people and earlier answers say, documents",
    "tool_results": "Results of tools: text from outside",
    "tools": "Tools that a request offers",
    "response": "Answers",
    "tool_use": "Tools that the model calls",
}
_ACTIONS = {
    "block": "Block: refuse the request, or end the answer there",
    "redact": "Redact: cover the words up",
    "flag": "Flag: note it in the reply and the request’s page",
    "allow": "Allow: ask no rule below this one",
    "route": "Route: send it to another model",
}
_MODES = [("enforce", "Enforce"), ("monitor", "Monitor: note it, change nothing")]
_DETECTORS = {
    "prompt_injection": "Prompt injection: orders to the model that are not its user’s",
    "jailbreak": "Jailbreak: attempts to talk a model out of its limits",
    "secrets": "Secrets: keys, tokens, passwords",
    "language": "Language: forbidden, or not allowed",
    "topic": "Topic: near to examples",
    "http": "A server of your own",
}
_FAILURES = [("", "Refuse what the rule would block"), ("open", "Let it through")]
_ENDINGS = [("error", "An error"), ("end_turn", "A turn that says the message")]
_MATCH = (
    *("keywords", "regex", "longest", "detector", "threshold", "tool_names", "tool_input"),
    *("allowed", "forbidden", "topics", "server", "seconds", "on_failure"),
    *("models", "max_tokens_over", "attachments", "pii"),
)
_WHEN = ("metadata", "untrusted")
_EXAMPLES = {"must_match": "match", "must_miss": "miss"}
_PLAIN = ("name", "on", "action", "mode", "severity", "model", "message", "notes", "ending")
_DEFAULTS = {"mode": "enforce", "severity": "medium", "ending": "error"}


def _choices(names: Mapping[str, str] | tuple[str, ...]) -> list[tuple[str, str]]:
    return list(names.items()) if isinstance(names, Mapping) else [(name, name) for name in names]


def _lines(label: str, help_text: str = "", rows: int = 3) -> LinesField:
    field = LinesField(label=label, required=False, help_text=help_text)
    field.widget.attrs.update({"rows": rows, "spellcheck": "false"})
    return field


def _pairs(label: str, help_text: str) -> PairsField:
    field = PairsField(label=label, required=False, help_text=help_text)
    field.widget.attrs.update({"rows": 2, "spellcheck": "false"})
    return field


class RuleForm(forms.Form):
    """One rule. `base` is the policy it was opened in: a save over somebody else's change is refused."""

    base = forms.CharField(widget=forms.HiddenInput, required=False)
    name = forms.CharField(
        max_length=63,
        widget=forms.TextInput(attrs={"placeholder": "no-project-names", "spellcheck": "false", "autocomplete": "off"}),
        help_text="Lower-case letters, digits, hyphens. Replies, traces and the audit name it.",
    )
    on = forms.MultipleChoiceField(label="Places", choices=_choices(PLACES), widget=forms.CheckboxSelectMultiple)
    keywords = _lines("Words", "One a line; one of them is enough. Found in any spelling that reads the same.")
    regex = forms.CharField(
        label="Pattern",
        required=False,
        max_length=1000,
        widget=forms.TextInput(attrs={"placeholder": r"CUST-(\d{8})", "spellcheck": "false", "class": "mono"}),
        help_text="RE2’s syntax. A group ( ) says which part is meant.",
    )
    longest = forms.IntegerField(
        label="Longest match",
        required=False,
        min_value=1,
        max_value=2000,
        help_text="In characters, 200 unless told: what a stream holds back.",
    )
    detector = forms.ChoiceField(required=False, choices=[("", "None"), *_choices(_DETECTORS)])
    threshold = forms.FloatField(
        label="From a score of",
        required=False,
        min_value=0,
        max_value=1,
        widget=forms.NumberInput(attrs={"step": "0.05"}),
        help_text="0 to 1. Unless told 0.8; topics 0.4, secrets 0.5, languages 0.9.",
    )
    allowed = _lines("Allowed languages", "Codes such as en, one a line. Any other fits.", 2)
    forbidden = _lines("Forbidden languages", "Instead: only these fit.", 2)
    topics = _lines("Examples of the topic", "One a line, as people would ask. Texts near one of them fit.", 3)
    server = forms.CharField(
        label="Server", required=False, max_length=100, help_text="The name of an upstream of the kind detector."
    )
    seconds = forms.FloatField(
        label="Seconds it may take", required=False, min_value=0.1, max_value=30, help_text="5 unless told."
    )
    on_failure = forms.ChoiceField(label="Where there is no score", required=False, choices=_FAILURES)
    tool_names = _lines("Names of tools", "Globs, one a line, such as bash*.", 2)
    tool_input = _pairs("Inputs of tools", "field = pattern, one a line, such as command = rm -rf")
    models = _lines("Models", "Globs, one a line, of the model asked for.", 2)
    max_tokens_over = forms.IntegerField(label="More tokens than", required=False, min_value=0)
    attachments = forms.MultipleChoiceField(
        required=False, choices=_choices(policies.ATTACHMENTS), widget=forms.CheckboxSelectMultiple
    )
    pii = forms.MultipleChoiceField(
        label="Personal data",
        required=False,
        choices=_choices((*entities.TYPES, entities.DENIED)),
        widget=forms.SelectMultiple(attrs={"size": 5}),
        help_text="Found by the privacy settings, which must look for it.",
    )
    metadata = _pairs("Only for keys with", "name = value of a key’s metadata, one a line.")
    untrusted = forms.BooleanField(
        label="Only after a tool result or document that gives orders to the model", required=False
    )
    action = forms.ChoiceField(label="Action", choices=_choices(_ACTIONS))
    mode = forms.ChoiceField(choices=_MODES)
    severity = forms.ChoiceField(choices=_choices(policies.SEVERITIES))
    model = forms.CharField(label="Model it is routed to", required=False, max_length=200)
    message = forms.CharField(
        required=False, max_length=1000, help_text="What people read when it blocks. Say what to do instead."
    )
    ending = forms.ChoiceField(label="A stream it blocks ends as", choices=_ENDINGS)
    notes = forms.CharField(required=False, max_length=1000, widget=forms.Textarea(attrs={"rows": 2}))
    must_match = _lines("Must match", "Examples, one a line.", 2)
    must_miss = _lines("Must not match", "Saving is refused where an example fails.", 2)

    def __init__(self, data: Any = None, *, rule: Mapping[str, Any] | None = None, base: str = "") -> None:
        given = rule or {}
        examples = given.get("examples", {})
        initial = {
            **_DEFAULTS,
            "base": base,
            **{name: given[name] for name in _PLAIN if name in given},
            **given.get("match", {}),
            **given.get("when", {}),
            **{name: examples.get(kept, []) for name, kept in _EXAMPLES.items()},
        }
        super().__init__(data, initial=initial)
        self.written: dict[str, Any] = {}  # also where it is refused

    def clean(self) -> dict[str, Any]:
        """Refuse what `tenants.policies` refuses, each complaint at its field."""
        self.written = self.rule()
        if not self.errors:
            try:
                policies.check_rule(self.written)
            except ValidationError as refused:
                for message in refused.messages:
                    self._complain(message)
        return self.cleaned_data

    def rule(self) -> dict[str, Any]:
        """The rule as it is kept: only what was said and differs from the defaults."""
        said = {name: value for name, value in self.cleaned_data.items() if value not in ("", None, [], {}, False)}
        rule = {name: said[name] for name in _PLAIN if name in said and said[name] != _DEFAULTS.get(name)}
        parts = {
            "match": {name: said[name] for name in _MATCH if name in said},
            "when": {name: said[name] for name in _WHEN if name in said},
            "examples": {kept: said[name] for name, kept in _EXAMPLES.items() if name in said},
        }
        return {**rule, "match": parts["match"], **{name: part for name, part in parts.items() if part}}

    def _complain(self, message: str) -> None:
        """`match: keywords: …`, `match.threshold: …`, `examples.miss: …` and `action: …` go to their fields."""
        first, _, rest = message.partition(": ")
        names = first.split(".")
        if len(names) == 1 and first in ("match", "when", "examples") and ": " in rest:
            inner, _, rest_of_it = rest.partition(": ")
            names, rest = [first, inner], rest_of_it
        name = names[-1]
        if names[0] == "examples":
            name = f"must_{name}"
        self.add_error(name, rest) if name in self.fields else self.add_error(None, message)
