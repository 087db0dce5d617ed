"""One rule of a policy, compiled. Free of Django and of I/O."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from matching.needles import Needle
from proxy.formats.globs import Globs


class Action(StrEnum):
    """What follows when a rule fits."""

    BLOCK = "block"
    REDACT = "redact"
    FLAG = "flag"
    ALLOW = "allow"
    ROUTE = "route"


class Place(StrEnum):
    """Where a rule looks."""

    REQUEST = "request"
    TOOLS = "tools"
    TOOL_RESULTS = "tool_results"
    RESPONSE = "response"
    TOOL_USE = "tool_use"


@dataclass(frozen=True, slots=True)
class InputRule:
    """What a field of a tool's input must hold. The path is a glob over dotted names: `command`, `edits.*.path`."""

    path: Globs
    needles: Sequence[Needle]


@dataclass(frozen=True, slots=True)
class Asked:
    """A detector that is asked off the event loop (proxy/rules/weighing), what about, and for how long."""

    detector: str
    threshold: float
    seconds: float
    fails_open: bool  # without a score the rule does not fit; else what it would block is refused unjudged
    allowed: frozenset[str] = frozenset()  # languages
    forbidden: frozenset[str] = frozenset()
    topics: Sequence[str] = ()
    server: str = ""


@dataclass(frozen=True, slots=True)
class Rule:
    """Everything that is given must fit; what a text must hold, one text must hold all of."""

    name: str
    places: frozenset[Place]
    action: Action
    is_enforced: bool = True
    message: str = ""
    severity: str = "medium"
    needles: Sequence[Needle] = ()  # one of them must occur
    detector: str = ""
    threshold: float = 1.0
    asked: Asked | None = None  # alone: such a rule reads no words beside
    tool_names: Globs | None = None
    tool_input: Sequence[InputRule] = ()
    models: Globs | None = None
    max_tokens_over: int | None = None
    attachments: frozenset[str] = frozenset()
    pii: frozenset[str] = frozenset()
    route_to: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)
    after_untrusted: bool = False
    ends_quietly: bool = False  # a stream it blocks ends as a turn with its message, not as an error
    is_platform: bool = False

    @property
    def key(self) -> str:
        """Its name, told apart from a rule of the same name on the other level."""
        return f"platform/{self.name}" if self.is_platform else self.name

    @property
    def weighs(self) -> bool:
        """Whether a detector decides, whose score of an answer is known ahead of what is shown."""
        return bool(self.detector or self.asked)

    @property
    def reads_text(self) -> bool:
        """Whether it looks into texts at all."""
        return bool(self.needles or self.detector)
