"""One round on one contender: what is asked of it, and the figures that come out."""

import asyncio
from dataclasses import dataclass, field
from statistics import median

from benchmarks import load, processes
from benchmarks.load import Result, Target
from benchmarks.processes import Process

CONNECTIONS = 32
LOW_PER_SECOND = 25.0
BURST_CONNECTIONS = 16
BURST_EVENTS = 200
HELD_STREAMS = 500
HELD_EVENTS = 20
HELD_DELAY_MS = 200

Figures = dict[str, float]


@dataclass
class Subject:
    """A freshly started contender; no process where nothing is in between. `asked` and `bad` count its answers."""

    target: Target
    process: Process | None
    core: int
    asked: int = 0
    bad: int = 0
    figures: Figures = field(default_factory=dict)

    async def measure(self, seconds: float) -> None:
        """The whole round. Memory first: a heap that was larger once has holes to fill."""
        warm = self.count(await load.closed_loop(self.target, count=8, seconds=0.3))
        if not warm.good:
            raise SystemExit(f"Port {self.target.port} gives no good answer: figures would mean nothing.")
        self.count(await load.closed_loop(self.target, count=2, seconds=0.3, events=BURST_EVENTS))
        await self._held()
        await self._low(seconds * 2)
        await self._alone(seconds)
        await self._loaded("whole", count=CONNECTIONS, seconds=seconds)
        streams = await self._loaded("stream", count=BURST_CONNECTIONS, seconds=seconds, events=BURST_EVENTS)
        first = [reply.first_byte_seconds * 1000 for reply in streams.good]
        self.figures["stream_first_byte_ms"] = median(first or [0.0])
        self.figures["bad"] = self.bad

    def count(self, result: Result) -> Result:
        """The same result, counted."""
        self.asked += len(result.replies)
        self.bad += result.bad
        return result

    async def _held(self) -> None:
        """Many streams open at once: memory, CPU for each event, and how late events arrive."""
        process = self.process
        before = process.resident_kib() if process else 0
        streams = load.held_streams(self.target, count=HELD_STREAMS, events=HELD_EVENTS, delay_ms=HELD_DELAY_MS)
        async with streams as held:
            cpu = process.cpu_seconds() if process else 0.0
            begun = held.delivered
            await asyncio.sleep(HELD_EVENTS * HELD_DELAY_MS / 1000 / 2)
            if process:
                delivered = max(held.delivered - begun, 1)
                self.figures["event_cpu_us"] = (process.cpu_seconds() - cpu) * 1e6 / delivered
                self.figures["stream_kib"] = (process.resident_kib() - before) / HELD_STREAMS
                self.figures["idle_mib"] = before / 1024
            ended = self.count(await held.ended(HELD_EVENTS * HELD_DELAY_MS / 1000 + 10))
        self.figures["held_ended"] = len(ended.good)
        self._note("event_delay", held.delays)

    async def _low(self, seconds: float) -> None:
        low = self.count(await load.open_loop(self.target, per_second=LOW_PER_SECOND, seconds=seconds))
        self._note("low", [reply.total_seconds for reply in low.good])

    async def _alone(self, seconds: float) -> None:
        """One call after the other: as few as at a low rate, but the processor never sleeps between them."""
        alone = self.count(await load.closed_loop(self.target, count=1, seconds=seconds))
        self._note("alone", [reply.total_seconds for reply in alone.good])

    async def _loaded(self, name: str, *, count: int, seconds: float, events: int = 0) -> Result:
        """A closed loop, with the CPU time it costs, also afterwards, and what others take of the core meanwhile."""
        process = self.process
        cpu, busy = (process.cpu_seconds(), processes.busy_seconds(self.core)) if process else (0.0, 0.0)
        result = self.count(await load.closed_loop(self.target, count=count, seconds=seconds, events=events))
        good = max(len(result.good), 1)
        self.figures[f"{name}_per_second"] = len(result.good) / result.seconds
        if process:
            during = process.cpu_seconds() - cpu
            others = processes.busy_seconds(self.core) - busy - during
            self.figures[f"{name}_others_share"] = max(others, 0.0) / result.seconds
            self.figures[f"{name}_cpu_us"] = (process.settled_cpu_seconds() - cpu) * 1e6 / good
        return result

    def _note(self, name: str, seconds: list[float]) -> None:
        times = sorted(value * 1000 for value in seconds) or [0.0]
        self.figures[f"{name}_p50_ms"] = median(times)
        self.figures[f"{name}_p99_ms"] = times[min(int(len(times) * 0.99), len(times) - 1)]
