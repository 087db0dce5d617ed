"""One call's usage record while the call runs: what is known of it, and its lines in the journal."""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from ipaddress import ip_address
from typing import Any

import orjson

from proxy.call import Call, Caller, Inbound, Outbound, Trace
from proxy.errors import Unavailable
from proxy.formats.masks import mask
from proxy.formats.usage import Usage
from proxy.ledger import journal as journals
from proxy.ledger.journal import Journal
from proxy.ledger.prices import PriceBook, Quote, cost_nano_usd, tier_tokens
from proxy.models import UsageRecord

State = UsageRecord.State
_MOST_TRACE_BYTES = 32 * 1024
_MOST_COST = 2**63 - 1  # what a column holds
_UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How a call ended. `overhead_us` is the proxy's own share of the time, `status` what the client was given."""

    state: State
    status: int | None
    usage: Usage = Usage()
    is_usage_estimated: bool = False
    stop_reason: str = ""
    error_type: str = ""
    error_message: str = ""
    upstream_request_id: str = ""
    response_bytes: int = 0
    cache_state: str = ""
    saved_nano_usd: int = 0
    queue_us: int = 0
    overhead_us: int | None = None


class Entry:
    """Begun for every authenticated request; `settle` writes its one record, however often it is called."""

    def __init__(self, journal: Journal, prices: PriceBook, inbound: Inbound, caller: Caller) -> None:
        self._journal = journal
        self._prices = prices
        self._received_at = inbound.received_at
        elapsed = timedelta(seconds=time.perf_counter() - inbound.received_at)
        self._started_at = datetime.now(UTC) - elapsed
        self._model = ""
        self._is_settled = False
        self._first_byte_us: int | None = None
        self._row = _facts(inbound, caller) | {"process": journal.name, "started_at": self._started_at}

    @property
    def started_at(self) -> datetime:
        """When the call came in."""
        return self._started_at

    @property
    def is_settled(self) -> bool:
        """Whether the call's record is final."""
        return self._is_settled

    def ask(self, call: Call) -> None:
        """Note what the request asks for."""
        self._model = call.model
        self._row |= {
            "endpoint": call.endpoint,
            "is_streaming": call.is_streaming,
            "model_asked": _text(call.model, 200),
            "request_bytes": len(call.document.raw),
        }

    def serve(self, outbound: Outbound) -> None:
        """Note whose answer the client gets. An upstream counts, for budgets and health, only where it is asked."""
        self._model = outbound.model
        self._row["model_served"] = _text(outbound.sent_as, 200)

    def open(self, outbound: Outbound) -> None:
        """Journal that the call goes to this upstream now. Raises Unavailable: what cannot be accounted is not sent."""
        self.serve(outbound)
        self._row |= {"upstream_id": outbound.upstream.id, "upstream_name": _text(outbound.upstream.name, 100)}
        try:
            self._journal.append(journals.OPEN, self._row | {"state": State.STARTED})
        except OSError:
            raise Unavailable("The gateway cannot record usage at the moment. Try again shortly.") from None

    def first_byte(self) -> None:
        """Note that the client is sent its first byte now."""
        if self._first_byte_us is None:
            self._first_byte_us = self._elapsed_us()

    def progress(self, usage: Usage) -> None:
        """Journal what was used so far, for the case that nothing tells more."""
        if self._is_settled:
            return
        try:
            self._journal.append(journals.PROGRESS, {"id": self._row["id"], **self._counts(usage)})
        except OSError:
            return  # the call's last line waits in memory, this one is not worth it

    def settle(self, ending: Ending, trace: Trace) -> bool:
        """Write the record. False: it was written before, and stays as it is."""
        if self._is_settled:
            return False
        self._is_settled = True
        total_us = self._elapsed_us()
        self._row |= self._counts(ending.usage)
        self._row |= {
            "state": ending.state,
            "ended_at": self._started_at + timedelta(microseconds=total_us),
            "status": ending.status,
            "error_type": _text(ending.error_type, 64),
            "error_message": _text(mask(ending.error_message), 500),
            "stop_reason": _text(ending.stop_reason, 64),
            "upstream_request_id": _text(ending.upstream_request_id, 100),
            "is_usage_estimated": ending.is_usage_estimated,
            "cache_state": ending.cache_state,
            "saved_nano_usd": ending.saved_nano_usd,
            "queue_us": max(ending.queue_us, 0),
            "first_byte_us": self._first_byte_us,
            "total_us": total_us,
            "overhead_us": None if ending.overhead_us is None else max(ending.overhead_us, 0),
            "response_bytes": ending.response_bytes,
            "trace": _trace(trace),
        }
        self._journal.close_call(self._row)
        return True

    def price_of(self, usage: Usage) -> Quote:
        """The price that counts for this call, were this its usage."""
        return self._prices.price_of(self._model, tier_tokens(usage), self._started_at)

    def _counts(self, usage: Usage) -> dict[str, Any]:
        counts: dict[str, Any] = {
            "input_tokens": usage.input_tokens,
            "output_tokens": usage.output_tokens,
            "cache_write_5m_tokens": usage.cache_write_5m_tokens,
            "cache_write_1h_tokens": usage.cache_write_1h_tokens,
            "cache_read_tokens": usage.cache_read_tokens,
            "thinking_tokens": usage.thinking_tokens,
        }
        if usage.prompt_tokens or usage.output_tokens:  # else there is nothing to price
            quote = self.price_of(usage)
            counts["cost_nano_usd"] = min(cost_nano_usd(usage, quote), _MOST_COST)
            counts["price_id"] = quote.id
            counts["is_price_default"] = quote.is_default
        return counts

    def _elapsed_us(self) -> int:
        return max(int((time.perf_counter() - self._received_at) * 1_000_000), 0)


def _facts(inbound: Inbound, caller: Caller) -> dict[str, Any]:
    return {
        "id": inbound.request_id,
        "endpoint": _text(inbound.path.rpartition("/")[2], 32),
        "tenant_id": caller.tenant.id,
        "tenant_slug": caller.tenant.slug,
        "key_id": caller.key_id,
        "key_name": caller.key_name,
        "client_ip": _address(inbound.client_ip),
        "user_agent": caller.client or _header(inbound, b"user-agent", 300),
        "session_id": _header(inbound, b"x-claude-code-session-id", 100),
        "agent_id": _header(inbound, b"x-claude-code-agent-id", 100),
        "parent_agent_id": _header(inbound, b"x-claude-code-parent-agent-id", 100),
    }


def _header(inbound: Inbound, name: bytes, most: int) -> str:
    """A header as it may be kept: clients have been seen to put their key into the wrong one."""
    value = inbound.get(name)
    return _text(mask(value), most) if value else ""


def _text(text: str, most: int) -> str:
    """What a column holds and a terminal can be shown."""
    return text[:most] if text.isprintable() else _UNSAFE.sub("?", text)[:most]


@lru_cache(maxsize=10_000)
def _address(text: str) -> str | None:
    try:
        return str(ip_address(text.partition("%")[0]))  # a zone means nothing on another machine
    except ValueError:
        return None  # a unix socket, or a proxy's invention


def _trace(trace: Trace) -> orjson.Fragment:
    """The steps as JSON; a trace that got too long says so in its place."""
    steps: Any = trace.as_json()
    try:
        text = orjson.dumps(steps, default=str)
    except orjson.JSONEncodeError:  # a lone surrogate, which no database takes either
        text = b""
    if not text or b"\\u0000" in text:
        text = orjson.dumps(_each_text(steps, lambda value: _UNSAFE.sub("?", value)), default=str)
    if len(text) > _MOST_TRACE_BYTES:
        text = orjson.dumps([{"step": "trace", "us": 0, "omitted_bytes": len(text)}])
    return orjson.Fragment(text)


def _each_text(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {change(str(key)): _each_text(item, change) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_each_text(item, change) for item in value]
    return value
