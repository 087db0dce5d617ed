"""What a policy adds to a call: `python -m benchmarks.policy`. 200 keyword rules and 100 patterns, in one process.

A conversation as Claude Code holds it, 50 KB that every turn repeats and 2 KB of new text in each turn; then the price
of an event of a streamed answer. Nothing fits: what is measured is what everybody pays.
"""

import asyncio
import json
import statistics
import time
from typing import Any

from benchmarks.privacy import conversation
from proxy.formats.sse import Event
from proxy.rules import compiling
from proxy.rules.policy import Policy
from proxy.rules.rule import Place, Rule
from proxy.rules.watching import Watch
from proxy.steps import policy
from tests.proxy import build

TURNS = 20
EVENTS = 2_000


def rules(words: int, patterns: int) -> list[dict[str, Any]]:
    """Rules on requests, results of tools and answers that fit nothing in the conversation."""
    common = {"on": ["request", "tool_results", "response"], "action": "block"}
    by_words = [
        {**common, "name": f"word-{number}", "match": {"keywords": [f"zorgon{number} blixt{number}"]}}
        for number in range(words)
    ]
    by_patterns = [
        {**common, "name": f"pattern-{number}", "match": {"regex": rf"ZQ{number}-\d{{4}}-[A-Z]{{2,6}}", "longest": 20}}
        for number in range(patterns)
    ]
    return by_words + by_patterns


def judge_ms(body: dict[str, Any], made: Policy) -> float:
    """The time of the step on a request."""
    call = build.call(json.dumps(body).encode(), by=build.caller(policy=made))
    started = time.perf_counter()
    policy.judge(call)
    return (time.perf_counter() - started) * 1_000


def event_us(made: Policy) -> float:
    """The time of one event of a streamed answer of words."""

    def note(_rule: Rule, _place: Place) -> None:
        return None

    watch = Watch(made, note, policy.PolicyBlocked, applies=made.rules)
    block = {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
    list(watch.feed(Event.build("content_block_start", block)))
    events = [
        Event.build(
            "content_block_delta",
            {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": f" word{number % 90}"}},
        )
        for number in range(EVENTS)
    ]
    started = time.perf_counter()
    for event in events:
        list(watch.feed(event))
    return (time.perf_counter() - started) * 1_000_000 / EVENTS


async def main() -> None:
    """Print the figures."""
    size = len(json.dumps(conversation(15, "x")))
    print(f"{size / 1000:.0f} KB, then {TURNS - 1} turns of 2 KB more each; the median of the turns after the first")
    for words, patterns in ((20, 10), (200, 100)):
        made = compiling.compiled({}, {"rules": rules(words, patterns)})
        assert made is not None
        started = time.perf_counter()
        judge_ms(conversation(0, "warm"), made)
        compiled_ms = (time.perf_counter() - started) * 1_000
        first = judge_ms(conversation(15, "a"), made)
        later = [judge_ms(conversation(15 + turn, "a"), made) for turn in range(1, TURNS)]
        print(
            f"{words:>4} words, {patterns:>3} patterns: compiled and warm {compiled_ms:.0f} ms, "
            f"first turn {first:.1f} ms, "
            f"later turns {statistics.median(later):.2f} ms (worst {max(later):.2f}), event {event_us(made):.0f} µs"
        )


if __name__ == "__main__":
    asyncio.run(main())
