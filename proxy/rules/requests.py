"""Whether a rule fits a request as a whole, and in which place of a policy each of its texts is."""

from collections.abc import Collection, Mapping
from typing import Any

from proxy.formats.texts import Leaf
from proxy.rules.rule import Place, Rule


def place_of(leaf: Leaf) -> Place:
    """The place that a text of a request is in."""
    if leaf.place == "tools":
        return Place.TOOLS
    return Place.TOOL_RESULTS if leaf.place == "tool_result" else Place.REQUEST


def reads(rule: Rule, place: Place) -> bool:
    """Whether the rule is asked about the texts there one by one; tools are asked about as a whole, with their name."""
    return place is not Place.TOOLS or bool(rule.detector)


def fits(rule: Rule, model: str, body: Mapping[str, Any], attachments: Collection[str]) -> bool:
    """Whether what the rule says of model, length and attachments is so."""
    if rule.models is not None and not rule.models.match(model):
        return False
    if rule.max_tokens_over is not None and (body.get("max_tokens") or 0) <= rule.max_tokens_over:
        return False
    return not rule.attachments or bool(rule.attachments & set(attachments))
