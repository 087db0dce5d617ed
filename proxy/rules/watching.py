"""Filter: an answer is let go only as far as the tenant's rules have been asked, text by text and tool by tool."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import orjson

from proxy.formats import texts
from proxy.formats.document import Document, Malformed
from proxy.formats.endings import Progress
from proxy.formats.splice import Path
from proxy.formats.sse import Event
from proxy.rules import tools
from proxy.rules.policy import Policy
from proxy.rules.rule import Action, Place, Rule
from proxy.rules.windows import Hit, Windows
from proxy.stream import Filter

Note = Callable[[Rule, Place], None]
"""Told of every rule that fits, once for each text or tool it fits."""


class Blocked(Exception):
    """An enforced rule forbids what the answer holds."""

    def __init__(self, rule: Rule) -> None:
        super().__init__(rule.name)
        self.rule = rule


class Watch(Filter):
    """One answer. `refuse` makes what is raised where a rule blocks it, unless the rule lets it end quietly."""

    def __init__(
        self, policy: Policy, note: Note, refuse: Callable[[Rule], Exception], *, applies: Sequence[Rule]
    ) -> None:
        self._reader = policy.reader(Place.RESPONSE)
        self._applying = frozenset(rule.key for rule in applies)
        self._tool_rules = [rule for rule in applies if Place.TOOL_USE in rule.places and not rule.weighs]
        self._note = note
        self._refuse = refuse
        self._noted: set[str] = set()
        self._windows: dict[int, Windows] = {}
        self._held: dict[int, list[Event]] = {}
        self._progress = Progress()
        self._usage: Mapping[str, Any] = {}
        self._last: dict[int, Event] = {}
        self._forbidden: Rule | None = None
        self.is_over = False

    def forbid(self, rule: Rule) -> None:
        """Nothing more of the answer may be seen: a detector found in it what this rule blocks."""
        self._forbidden = self._forbidden or rule

    def feed(self, event: Event) -> Iterable[Event]:
        """What may be seen of the event; nothing more once the answer has ended here."""
        if self.is_over:
            return ()
        try:
            self._check_forbidden()
            shown = list(self._event(event))
        except Malformed:
            return (event,)  # for the client to judge
        except Blocked as blocked:
            return self._end(blocked.rule)
        for one in shown:
            self._progress.note(one)
        return shown

    def finish(self) -> Iterable[Event]:
        """What blocks that never ended still hold."""
        if self.is_over:
            return ()
        try:
            self._check_forbidden()
            return [event for index in list(self._windows) for event in self._flush(index)]
        except Blocked as blocked:
            return self._end(blocked.rule)

    def document(self, body: Document) -> Document:
        """The whole answer, with what is covered up; or what it ends with instead."""
        content = body.get("content")
        changes: dict[Path, str] = {}
        try:
            self._check_forbidden()
            for position, block in enumerate(content if isinstance(content, list) else []):
                changes |= self._block(block, ("content", position))
        except Blocked as blocked:
            if not blocked.rule.ends_quietly:
                raise self._refuse(blocked.rule) from None
            ending = {"content": [{"type": "text", "text": blocked.rule.message}], "stop_reason": "end_turn"}
            return Document.parse(orjson.dumps({**body.value, **ending}), max_depth=512)
        return body.edit(changes)

    def _check_forbidden(self) -> None:
        if self._forbidden is not None:
            raise Blocked(self._forbidden)

    def _event(self, event: Event) -> Iterable[Event]:
        if event.name == "message_start":
            self._usage = event.json().get("message", {}).get("usage", {})
        if event.name not in ("content_block_start", "content_block_delta", "content_block_stop"):
            return (event,)
        payload = event.json()
        index = payload.get("index")
        if not isinstance(index, int):
            return (event,)
        if event.name == "content_block_start":
            return self._start(index, payload.get("content_block"), event)
        if index in self._held:
            return self._hold(index, event)
        if event.name == "content_block_stop":
            return [*self._flush(index), event]
        return self._delta(index, payload.get("delta"), event)

    def _start(self, index: int, block: Any, event: Event) -> Iterable[Event]:
        kind = block.get("type") if isinstance(block, dict) else None
        if kind in texts.TOOL_CALLS and self._tool_rules:
            self._held[index] = [event]
            return ()
        if kind == "text" and self._reader.rules:
            self._windows[index] = Windows(self._reader.needles, self._decide)
        return (event,)

    def _hold(self, index: int, event: Event) -> Iterable[Event]:
        held = self._held[index]
        held.append(event)
        if event.name != "content_block_stop":
            return ()
        del self._held[index]
        block = held[0].json()["content_block"]
        pieces = [one.json()["delta"].get("partial_json", "") for one in held[1:-1]]
        self._judge_tool({**block, "input": tools.input_of("".join(pieces), block.get("input"))})
        return held

    def _delta(self, index: int, delta: Any, event: Event) -> Iterable[Event]:
        windows = self._windows.get(index)
        piece = delta.get("text") if isinstance(delta, dict) and delta.get("type") == "text_delta" else None
        if windows is None or not isinstance(piece, str):
            return (event,)
        self._last[index] = event
        shown = windows.feed(piece)
        return (event.edit({("delta", "text"): shown}),) if shown else ()

    def _flush(self, index: int) -> Iterable[Event]:
        windows = self._windows.pop(index, None)
        shown = windows.finish() if windows is not None else ""
        return (self._last[index].edit({("delta", "text"): shown}),) if shown else ()

    def _decide(self, hit: Hit) -> bool:
        rule = self._reader.owner(hit.needle)
        if rule.key not in self._applying:
            return False
        if rule.key not in self._noted:
            self._noted.add(rule.key)
            self._note(rule, Place.RESPONSE)
        if rule.is_enforced and rule.action is Action.BLOCK:
            raise Blocked(rule)
        return rule.is_enforced and rule.action is Action.REDACT

    def _judge_tool(self, block: Mapping[str, Any]) -> None:
        for rule in self._tool_rules:
            if not tools.fits(rule, block):
                continue
            self._note(rule, Place.TOOL_USE)
            if rule.action is Action.ALLOW:
                return
            if rule.is_enforced and rule.action is Action.BLOCK:
                raise Blocked(rule)

    def _block(self, block: Any, path: Path) -> dict[Path, str]:
        if isinstance(block, dict) and block.get("type") in texts.TOOL_CALLS:
            self._judge_tool(block)
            return {}
        leaves = texts.of_block(block, path).leaves if self._reader.rules else ()
        return {leaf.path: self._whole(leaf.text) for leaf in leaves if leaf.place == "assistant"}

    def _whole(self, text: str) -> str:
        windows = Windows(self._reader.needles, self._decide)
        return windows.feed(text) + windows.finish()

    def _end(self, rule: Rule) -> Iterable[Event]:
        """The answer ends as a turn of its own, with the rule's message."""
        if not rule.ends_quietly:
            raise self._refuse(rule) from None
        self.is_over = True
        return list(self._progress.closing(stop_reason="end_turn", usage=self._usage, last_words=rule.message))
