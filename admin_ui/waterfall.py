"""One request taken apart for its page: where the time went, what each kind of token cost, how to ask it again."""

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from proxy import snippets as clients
from proxy.models import Price, UsageRecord
from proxy.snippets import Snippet

WIDTH = 1000
_LEAST_WIDTH = 3
_MILLION = 1_000_000
_NANO = Decimal(10**9)
_WORDS = {
    "auth": "Check the key",
    "receive": "Receive the request",
    "check": "Check its form",
    "access": "Check the model",
    "ownership": "Check ownership",
    "limits": "Check limits",
    "rag": "Look up documents",
    "search_offered": "Offer a search of documents",
    "search": "Search documents for the model",
    "round": "Go on with what was found",
    "policy": "Ask the rules about the request",
    "policy_pii": "Ask the rules about what was found",
    "policy_answer": "Ask the rules about the answer",
    "policy_detectors": "Ask detectors about the request",
    "policy_answer_detectors": "Ask detectors about the answer",
    "policy_not_judged": "A detector gave no score",
    "pii": "Look for personal data",
    "pii_failed_open": "Send it unread",
    "restore": "Put values back",
    "pii_output": "Look through the answer",
    "routing": "Choose the upstream",
    "marks": "Mark what the upstream is to keep",
    "cache": "Put the question for the cache",
    "cache_lookup": "Look for a kept answer",
    "quota": "Reserve from budgets",
    "price": "Look for the price",
    "cutoff": "End it for a budget",
    "queue": "Wait for a connection",
    "upstream": "Wait for the upstream",
    "cited": "Count what it cites",
    "answer": "Relay the answer",
}
_TOLD_APART = frozenset(("step", "us", "found", "rules", "collections", "passages", "documents"))
_OTHERS = frozenset(("receive", "queue", "upstream", "answer"))


@dataclass(frozen=True, slots=True)
class Bar:
    """One step: when it ran, to scale, and what it decided."""

    name: str
    word: str
    micros: int
    x: int
    width: int
    tone: str
    facts: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Cost:
    """One kind of token: how many, and what they cost; None where the price is not known any more."""

    kind: str
    tokens: int
    nano_usd: int | None
    usd_per_million: Decimal | None

    @property
    def usd(self) -> str:
        """The price with two decimals, or more where it has more."""
        whole, _, decimals = f"{self.usd_per_million:f}".partition(".")
        return f"{whole}.{decimals.rstrip('0'):0<2}"


def steps(record: UsageRecord) -> list[Bar]:
    """The trace's steps one after the other, and after them the relay of the answer."""
    found = [step for step in record.trace if isinstance(step, dict)]
    taken = sum(_micros(step) for step in found)
    total = max(record.total_us or 0, taken, 1)
    if record.total_us and record.upstream_id and total > taken:
        found.append({"step": "answer", "us": total - taken})
    bars, at = [], 0
    for step in found:
        bars.append(_bar(step, at, total, record))
        at += _micros(step)
    return bars


def _bar(step: Mapping[str, Any], at: int, total: int, record: UsageRecord) -> Bar:
    name, micros = str(step.get("step", "?")), _micros(step)
    width = max(_LEAST_WIDTH, round(WIDTH * micros / total))
    failed = isinstance(status := step.get("status"), int) and status >= 400
    is_last_of_failed = name == "answer" and record.state in ("failed", "interrupted")
    tone = "bad" if failed or is_last_of_failed else "other" if name in _OTHERS else "own"
    facts = [(str(key), _text(value)) for key, value in step.items() if key not in _TOLD_APART]
    return Bar(name, _WORDS.get(name, name), micros, min(round(WIDTH * at / total), WIDTH - width), width, tone, facts)


def _micros(step: Mapping[str, Any]) -> int:
    value = step.get("us")
    return max(value, 0) if isinstance(value, int) else 0


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def costs(record: UsageRecord) -> list[Cost]:
    """The kinds of tokens the request used, as its price has them."""
    price = Price.objects.filter(pk=record.price_id).first() if record.price_id else None
    kinds = (
        ("Input", record.input_tokens, "input_usd"),
        ("Output", record.output_tokens, "output_usd"),
        ("Cache write, 5 min", record.cache_write_5m_tokens, "cache_write_5m_usd"),
        ("Cache write, 1 h", record.cache_write_1h_tokens, "cache_write_1h_usd"),
        ("Cache read", record.cache_read_tokens, "cache_read_usd"),
    )
    found = []
    for kind, tokens, column in kinds:
        if tokens or kind in ("Input", "Output"):
            usd: Decimal | None = getattr(price, column) if price else None
            found.append(Cost(kind, tokens, None if usd is None else int(tokens * usd * _NANO / _MILLION), usd))
    return found


def snippets(record: UsageRecord, address: str) -> list[Snippet]:
    """The same call for a terminal, but for the key and the prompt: neither is kept."""
    body: dict[str, Any] = {"model": record.model_asked or clients.MODEL}
    if record.endpoint != "count_tokens":
        body |= {"max_tokens": 1024} | ({"stream": True} if record.is_streaming else {})
    body["messages"] = [{"role": "user", "content": "Hello"}]
    path = "count_tokens" if record.endpoint == "count_tokens" else ""
    url = f"{address}/v1/messages" + (f"/{path}" if path else "")
    lines = [
        f"curl {shlex.quote(url)}",
        f'-H "x-api-key: {clients.KEY_PLACEHOLDER}"',
        '-H "anthropic-version: 2023-06-01"',
        '-H "content-type: application/json"',
        f"-d {shlex.quote(json.dumps(body, ensure_ascii=False))}",
    ]
    return [Snippet("curl", " \\\n  ".join(lines))]
