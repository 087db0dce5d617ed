"""The privacy settings of a tenant and a key as one set of rules."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from proxy.privacy.rules import CustomRecogniser, Mode, Rules
from tenants import entities


def compiled(settings: Mapping[str, Any], overrides: Mapping[str, Any]) -> Rules | None:
    """Checked settings and a key's overrides of them. None where nothing is looked for: such a call is not read.

    The nearest word counts: the key's for a type, the key's for all, the tenant's for a type, the tenant's for all.
    """
    own = overrides if settings else {}
    mode, modes = _modes(settings, own, otherwise=Mode.OFF)
    is_read = mode is not Mode.OFF or any(one is not Mode.OFF for one in modes.values())
    output_mode, output_modes = _modes(
        settings.get("output", {}), own.get("output", {}), otherwise=Mode.MONITOR if is_read else Mode.OFF
    )
    rules = Rules(
        modes=modes,
        default_mode=mode,
        min_score=settings.get("min_score", 0.5),
        languages=tuple(sorted(settings.get("languages", []))),
        allow=frozenset(text.casefold() for text in settings.get("allow", [])),
        deny=tuple(settings.get("deny", [])),
        custom=tuple(_recogniser(own) for own in settings.get("custom", [])),
        output_modes=output_modes,
        output_default_mode=output_mode,
        unknown_blocks=settings.get("unknown_blocks", "pass"),
        attachments=settings.get("attachments", "pass"),
        on_failure=settings.get("on_failure", "closed"),
        restores_secrets=settings.get("restore_secrets", True),
    )
    return rules if rules.reads_requests or rules.reads_answers else None


def _modes(
    settings: Mapping[str, Any], overrides: Mapping[str, Any], *, otherwise: Mode
) -> tuple[Mode, Mapping[str, Mode]]:
    modes = {} if "mode" in overrides else _by_type(settings)
    mode = Mode(overrides.get("mode", settings.get("mode", otherwise)))
    return mode, MappingProxyType(modes | _by_type(overrides))


def _by_type(settings: Mapping[str, Any]) -> dict[str, Mode]:
    given = settings.get("entities", {})
    named = {entities.SPELLINGS.get(name, name): Mode(mode) for name, mode in given.items()}
    return named | {name: Mode(mode) for name, mode in given.items() if name not in entities.SPELLINGS}


def _recogniser(own: Mapping[str, Any]) -> CustomRecogniser:
    return CustomRecogniser(own["name"], own["regex"], float(own.get("score", 1)), tuple(own.get("context", [])))
