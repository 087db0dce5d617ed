"""What the simulator says to a question, decided before anything is sent."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from proxy.simulator import citations, ids, parts, schemas, tokens
from proxy.simulator.directives import ToolCall
from proxy.simulator.failures import Failure
from proxy.simulator.parts import Part, Redacted, Text, Thinking, ToolUse
from proxy.simulator.question import Question

INTRODUCTION = "This is LLM Proxy's simulator, no model was asked."
_QUOTED_CHARS = 500
_SEARCH = "search_documents"  # the one tool that is called unasked: it is there to be searched with
_LOOKING = "Let me look that up."
_BUDGETED_THINKING = 24


@dataclass(frozen=True, slots=True)
class Answer:
    """Everything that will be sent, in full or in part."""

    id: str
    model: str
    parts: Sequence[Part]
    stop_reason: str
    stop_sequence: str | None
    input_tokens: tokens.InputTokens
    is_cache_read: bool

    def usage(self) -> dict[str, Any]:
        """The final usage."""
        thinking = sum(len(part.pieces) for part in self.parts if isinstance(part, Thinking | Redacted))
        details = {"output_tokens_details": {"thinking_tokens": thinking}} if thinking else {}
        written_5m = 0 if self.is_cache_read else self.input_tokens.cached_5m
        written_1h = 0 if self.is_cache_read else self.input_tokens.cached_1h
        return {
            "input_tokens": self.input_tokens.uncached,
            "cache_creation_input_tokens": written_5m + written_1h,
            "cache_read_input_tokens": self.input_tokens.cached if self.is_cache_read else 0,
            "cache_creation": {
                "ephemeral_5m_input_tokens": written_5m,
                "ephemeral_1h_input_tokens": written_1h,
            },
            "output_tokens": sum(len(part.pieces) for part in self.parts),
            **details,
            "service_tier": "standard",
        }

    def message(self) -> dict[str, Any]:
        """The whole answer as one JSON message."""
        return {
            "id": self.id,
            "type": "message",
            "role": "assistant",
            "model": self.model,
            "content": [part.whole() for part in self.parts],
            "stop_reason": self.stop_reason,
            "stop_sequence": self.stop_sequence,
            "stop_details": None,
            "usage": self.usage(),
        }


def compose(question: Question) -> Answer:
    """The answer to a question. Raises Failure for what the request does not allow."""
    input_tokens = tokens.of_request(question.document)
    said, stop_reason, stop_sequence = _said(question)
    everything = [*_thoughts(question), *said]
    kept, is_short = parts.shorten(everything, question.max_tokens)
    if is_short:
        stop_reason, stop_sequence = "max_tokens", None
    return Answer(
        id=ids.new("msg"),
        model=question.model,
        parts=kept,
        stop_reason=question.asked.stop_reason or stop_reason,
        stop_sequence=stop_sequence,
        input_tokens=input_tokens,
        is_cache_read=question.asked.cache == "read",
    )


def _thoughts(question: Question) -> list[Part]:
    """Thinking comes only where the request allows it: by directive, or with a budget."""
    settings = question.section("thinking")
    if settings.get("type") not in ("enabled", "adaptive"):
        return []
    thoughts: list[Part] = []
    length = question.asked.thinking or (_BUDGETED_THINKING if settings["type"] == "enabled" else 0)
    if length:
        text = "".join([*tokens.split("No model is thinking here;"), *parts.filler(length)])
        thoughts.append(Thinking(tokens.split(text)[:length], is_omitted=settings.get("display") == "omitted"))
    if question.asked.redacted:
        thoughts.append(Redacted())
    return thoughts


def _said(question: Question) -> tuple[list[Part], str, str | None]:
    schema = _answer_schema(question)
    if schema is not None:
        return [Text(tokens.split(orjson.dumps(schemas.smallest(schema)).decode()))], "end_turn", None
    calls = _tool_calls(question)
    if calls:
        before = question.asked.text or (_LOOKING if not question.asked.tool_calls and _searches(question) else "")
        said: list[Part] = [Text(tokens.split(before))] if before else []
        return [*said, *(_tool_use(call, question.tools) for call in calls)], "tool_use", None
    is_cited = question.asked.cite or (question.tool_results and _SEARCH in _tool_names(question))
    sources = citations.of_messages(question.body["messages"]) if is_cited else []
    if sources:
        return _cited(sources), "end_turn", None
    text, stop_sequence = _stopped(_text(question), question.stop_sequences)
    return [Text(tokens.split(text))] if text else [], "stop_sequence" if stop_sequence else "end_turn", stop_sequence


def _answer_schema(question: Question) -> Mapping[str, Any] | None:
    wanted = question.section("output_config").get("format") or question.section("output_format")
    schema = wanted.get("schema") if isinstance(wanted, dict) and wanted.get("type") == "json_schema" else None
    return schema if isinstance(schema, dict) else None


def _tool_calls(question: Question) -> Sequence[ToolCall]:
    """Tools asked for by directive are called once in a turn; a forced tool_choice is always obeyed."""
    names = _tool_names(question)
    choice = question.section("tool_choice")
    if not names or choice.get("type") == "none":
        return ()
    asked = question.asked.tool_calls
    for call in asked:
        if call.name not in names:
            raise Failure(400, f"#simulate: tool {call.name!r} is not among the request's tools: {', '.join(names)}")
    if asked and (question.is_scripted or not question.tool_results):
        return asked
    if _searches(question):
        return [ToolCall(_SEARCH, {"query": question.text[:_QUOTED_CHARS]})]
    if choice.get("type") == "any":
        return [ToolCall(names[0])]
    if choice.get("type") == "tool":
        if choice.get("name") not in names:
            raise Failure(400, f"tool_choice: Tool '{choice.get('name')}' not found in provided tools")
        return [ToolCall(choice["name"])]
    return ()


def _tool_names(question: Question) -> list[str]:
    return [name for tool in question.tools if isinstance(name := tool.get("name"), str)]


def _searches(question: Question) -> bool:
    """Whether documents are searched for the user's words: once in a turn, where nothing else was asked for."""
    asked = question.asked
    is_told = question.is_scripted or asked.text is not None or asked.echo or asked.tokens is not None
    is_told = is_told or bool(asked.tool_calls) or question.section("tool_choice").get("type") == "tool"
    return not is_told and not question.tool_results and bool(question.text) and _SEARCH in _tool_names(question)


def _tool_use(call: ToolCall, tools: Sequence[Mapping[str, Any]]) -> ToolUse:
    if call.input is not None:
        return ToolUse(call.name, call.input)
    schema = next(tool.get("input_schema") for tool in tools if tool.get("name") == call.name)
    value = schemas.smallest(schema)
    return ToolUse(call.name, value if isinstance(value, dict) else {})


def _cited(sources: Sequence[citations.Cited]) -> list[Part]:
    said: list[Part] = [Text(tokens.split(INTRODUCTION))]
    for source in sources:
        said.append(Text(tokens.split(f" From {source.title}: ")))
        said.append(Text(tokens.split(source.text), [source.citation]))
    return said


def _text(question: Question) -> str:
    asked = question.asked
    if asked.echo:
        text = question.text
    elif asked.text is not None:
        text = asked.text
    elif question.tool_results:
        text = f"{INTRODUCTION} The tool answered: {_quoted(' / '.join(question.tool_results))}"
    else:
        text = f"{INTRODUCTION} You wrote: {_quoted(question.text)}"
    if asked.tokens is None:
        return text
    pieces = tokens.split(text.rstrip())
    return "".join([*pieces, *parts.filler(asked.tokens - len(pieces))][: asked.tokens])


def _quoted(text: str) -> str:
    return text if len(text) <= _QUOTED_CHARS else text[:_QUOTED_CHARS] + "…"


def _stopped(text: str, stop_sequences: Sequence[str]) -> tuple[str, str | None]:
    """The text up to the first stop sequence in it."""
    found = [(at, stop) for stop in stop_sequences if (at := text.find(stop)) >= 0]
    if not found:
        return text, None
    at, stop = min(found)
    return text[:at], stop
