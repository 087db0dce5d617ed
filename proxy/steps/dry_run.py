"""Instead of an upstream: what would have been sent to it, what each step decided, and what it may cost."""

from collections.abc import Callable

import orjson

from proxy.call import Outbound
from proxy.formats import estimate
from proxy.formats.usage import Usage
from proxy.ledger import prices

_BODY_SHOWN_BYTES = 1024 * 1024


def report(outbound: Outbound, quote: Callable[[Usage], prices.Quote]) -> bytes:
    """The JSON of a dry run. Nothing leaves the proxy and nothing is charged; later steps show by themselves."""
    call = outbound.call
    input_tokens = estimate.input_tokens(call.document)
    max_tokens = call.document.get("max_tokens") or 0
    least = Usage(input_tokens=input_tokens)
    most = Usage(input_tokens=input_tokens, output_tokens=max_tokens)
    price = quote(least)
    body = outbound.body
    return orjson.dumps(
        {
            "type": "dry_run",
            "would_send": {
                "upstream": outbound.upstream.name,
                "kind": outbound.upstream.kind,
                "model": outbound.sent_as,
                "is_unchanged": body == call.asked.raw,
                "body": orjson.Fragment(body) if len(body) <= _BODY_SHOWN_BYTES else None,
                "body_bytes": len(body),
            },
            "estimate": {
                "input_tokens": input_tokens,
                "max_output_tokens": max_tokens,
                "input_cost_nano_usd": prices.cost_nano_usd(least, price),
                "max_cost_nano_usd": prices.cost_nano_usd(most, price),
                "is_price_default": price.is_default,
            },
            "steps": call.trace.as_json(),
        }
    )
