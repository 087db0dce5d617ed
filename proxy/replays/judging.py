"""What a policy does to a call that was made before: the step that judges calls, asked again."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import orjson

from proxy.call import Call, Caller, Inbound, TenantRules, Trace
from proxy.formats.document import Document, Malformed
from proxy.formats.globs import Globs
from proxy.rules.policy import Policy
from proxy.steps import policy as step

_ANSWER_DEPTH = 512
_NOBODY = UUID(int=0)
_STEPS = frozenset(("policy", "policy_answer"))


@dataclass(frozen=True, slots=True)
class Case:
    """One call to judge. `name`: a request's id, or `line 3` of a sample."""

    name: str
    request: Document
    answer: Mapping[str, Any] | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)  # the key's
    types: Sequence[str] = ()  # of the personal data that was found in it


@dataclass(frozen=True, slots=True)
class Fit:
    """A rule that fits a call, as it would be recorded."""

    rule: str
    is_platform: bool
    action: str
    is_enforced: bool
    place: str

    @property
    def key(self) -> str:
        """Its rule's name, told apart from one of the same name on the other level."""
        return f"platform/{self.rule}" if self.is_platform else self.rule

    @property
    def blocks(self) -> bool:
        """Whether the call ends by it."""
        return self.is_enforced and self.action == "block"


def judged(policy: Policy | None, case: Case) -> list[Fit]:
    """Every rule that fits, in order; the one that ends the call is the last."""
    call = _call(policy, case)
    try:
        allowed = step.judge(call)
        allowed.check_found(case.types)
        if case.answer is not None:
            allowed.watch.document(Document.parse(orjson.dumps(case.answer), max_depth=_ANSWER_DEPTH))
    except (step.PolicyBlocked, Malformed):
        pass
    told = [fit for name, _micros, facts in call.trace.steps if name in _STEPS for fit in facts["rules"]]
    return [
        Fit(one["rule"], one.get("level") == "platform", one["action"], one["mode"] == "enforce", one["place"])
        for one in told
    ]


def _call(policy: Policy | None, case: Case) -> Call:
    tenant = TenantRules(_NOBODY, "", True, "UTC", {}, (), policy=policy)
    caller = Caller(
        tenant=tenant,
        key_id=_NOBODY,
        key_name="",
        is_revoked=False,
        scopes=frozenset(),
        models=Globs(["*"]),
        ip_allow=(),
        expires_at=None,
        metadata=case.metadata,
    )
    return Call(
        inbound=Inbound("POST", "/v1/messages", b"", (), "", case.name, time.perf_counter()),
        caller=caller,
        endpoint="messages",
        document=case.request,
        model=str(case.request.get("model")),
        is_streaming=False,
        is_dry_run=False,
        trace=Trace(),
    )
