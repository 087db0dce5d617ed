"""What privacy adds to a call: `python -m benchmarks.privacy`. In one process, with the real detection workers.

A conversation as Claude Code holds it: 50 KB of system prompt, tools and history that every turn repeats, and 2 KB of
new text in each turn. Then the price of an event of a streamed answer that holds nothing.
"""

import asyncio
import inspect
import json
import statistics
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from proxy.call import Privacy
from proxy.formats import document, messages, splice, sse
from proxy.formats.sse import Event
from proxy.privacy.answers import Restore
from proxy.privacy.counting import Counting
from proxy.privacy.detection.detector import Detector
from proxy.privacy.placeholders import Placeholders
from proxy.privacy.restoring import Restorer
from proxy.privacy.rules import Mode, Rules
from proxy.privacy.scanning import Scanned, Search
from proxy.steps import pii
from proxy.stream import Chain
from tests.proxy import build
from tests.proxy.privacy.test_scanning import FakeAnswer

TURNS = 20
NEW_BYTES = 2_000
ROUNDS = 5
KEY = bytes(range(32))
PATTERNS_ONLY = {"PERSON": Mode.OFF, "ADDRESS": Mode.OFF}
_SOURCES = "\n".join(inspect.getsource(module) for module in (document, messages, splice, sse))


def conversation(turns: int, salt: str) -> dict[str, Any]:
    """The body of a turn: everything before it is as it was."""
    tools = [
        {"name": f"Tool{number}", "description": _SOURCES[number * 900 : number * 900 + 800], "input_schema": {}}
        for number in range(14)
    ]
    history = [{"role": "user", "content": f"{salt} Read the file for Jane Doe, jane.doe@example.com."}]
    for turn in range(turns):
        text = f"{salt} {turn} " + (_SOURCES * 3)[turn * 1_731 : turn * 1_731 + NEW_BYTES - 60] + " owner: Maria Rossi"
        use = {"type": "tool_use", "id": f"toolu_{turn}", "name": "Read", "input": {"file_path": f"/src/{turn}.py"}}
        history += [
            {"role": "assistant", "content": [use]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": f"toolu_{turn}", "content": text}]},
        ]
    return {**build.HELLO, "system": _SOURCES[:17_000], "tools": tools, "messages": history}


async def scrub_ms(body: Mapping[str, Any], rules: Rules, detector: Detector) -> float:
    """The time of the step."""
    call = build.call(json.dumps(body).encode(), by=build.caller(privacy=Privacy(rules, KEY)))
    started = time.perf_counter()
    await pii.scrub(call, detector)
    return (time.perf_counter() - started) * 1_000


async def turns(rules: Rules, detector: Detector, salt: str) -> tuple[float, list[float], list[float]]:
    """First turn; a turn with 2 KB of new text; a turn that was all seen before. In ms."""
    first = await scrub_ms(conversation(8, salt), rules, detector)
    new = [await scrub_ms(conversation(turn, salt), rules, detector) for turn in range(9, 9 + TURNS)]
    body = conversation(8, salt)
    return first, new, [await scrub_ms(body, rules, detector) for _ in range(100)]


def event_us(events: list[Event], feed: Callable[[Event], Any]) -> float:
    """The price of an event that holds nothing, its parsing included: CPU time, the least of some rounds."""
    rounds = []
    for _ in range(ROUNDS):
        fresh = [Event(event.raw, event.name, event.data) for event in events]
        started = time.process_time()
        for event in fresh:
            feed(event)
        rounds.append(time.process_time() - started)
    return min(rounds) * 1_000_000 / len(events)


async def stream_us(blocks: list[dict[str, Any]], cuts: list[int], wrap: Callable[[Any], Awaitable[int]]) -> float:
    """The price of an event in a whole stream: CPU time of this process, the least of some rounds."""
    rounds = []
    for _ in range(ROUNDS):
        answer = FakeAnswer(blocks, is_stream=True, cuts=cuts, size=4096)
        count = answer.raw.count(b"event:")
        started = time.process_time()
        await wrap(answer)
        rounds.append((time.process_time() - started) * 1_000_000 / count)
    return min(rounds)


async def drained(answer: Any) -> int:
    size = 0
    while piece := await answer.piece(5):
        size += len(piece)
    return size


async def main() -> None:
    detector = Detector(workers=2, deadline_seconds=120)
    detector.start()
    everything = Rules(default_mode=Mode.PSEUDONYMIZE, output_default_mode=Mode.MONITOR)
    patterns = Rules(default_mode=Mode.PSEUDONYMIZE, modes=PATTERNS_ONLY, output_modes=PATTERNS_ONLY)
    await scrub_ms(conversation(0, "warm"), everything, detector)
    print(f"body of the first turn: {len(json.dumps(conversation(8, 'a'))):,} bytes")
    for name, rules in (("names and patterns", everything), ("patterns only", patterns)):
        first, new, again = await turns(rules, detector, name)
        slow = statistics.quantiles(again, n=20)[-1]
        print(
            f"{name:20} first turn {first:8.1f} ms   2 KB of new text p50 {statistics.median(new):7.2f} ms   "
            f"all seen before p50 {statistics.median(again):6.2f} ms, p95 {slow:6.2f} ms"
        )
    stand_ins = Placeholders(KEY)
    for number in range(50):
        stand_ins.stand_in("PERSON" if number % 2 else "EMAIL_ADDRESS", f"value {number}")
    restore = Restore(Restorer(stand_ins), lambda _counts: None)
    plain = [
        Event.build(
            "content_block_delta", {"type": "content_block_delta", "index": 0, "delta": {"type": kind, name: text}}
        )
        for kind, name in (("text_delta", "text"), ("input_json_delta", "partial_json"))
        for text in ("return ", "document.parse", ' "path": "/src/a.py",', "a few more words of text")
    ] * 500
    search = Search(Privacy(everything, KEY), detector)
    both = Chain([Counting(search), restore])
    print(f"event that holds nothing, restored: {event_us(plain, lambda event: list(restore.feed(event))):.1f} µs")
    us = event_us(plain, lambda event: list(both.feed(event)))
    print(f"the same, answers searched behind the stream as well: {us:.1f} µs")
    blocks, cuts = [{"type": "text", "text": "return a few more words " * 400}], [6] * 1_500
    bare = await stream_us(blocks, cuts, drained)
    hiding = Search(Privacy(Rules(default_mode=Mode.REDACT, output_default_mode=Mode.REDACT), KEY), detector)
    searched = await stream_us(blocks, cuts, lambda answer: drained(Scanned(answer, hiding, lambda: None)))
    print(f"an answer held back until it is searched, {len(cuts):,} events: {searched - bare:.1f} µs more each")
    await detector.aclose()


if __name__ == "__main__":
    asyncio.run(main())
