"""Compares this proxy, in one run, with no proxy, with the bare floor and with what one would write first.

    python -m benchmarks.run [--seconds 3] [--rounds 3] [--only proxy,floor] [--quick] [--profile]

What is measured has one core, the upstream and the load client the other. Only loopback is used.
"""

import argparse
import os
import pstats
import shutil
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import uvloop

from benchmarks import contenders, load, measure, processes, report
from benchmarks.contenders import Contender, Installation
from benchmarks.measure import Figures, Subject

RESULTS = processes.ROOT / ".benchmarks"
_PROFILE_LINES = 45


def main() -> None:
    """Measure, print the table, keep the figures."""
    arguments = _arguments()
    core, other = processes.cores()
    if core == other:
        print("One core only: the load client takes its share of it, so rates are too low.", file=sys.stderr)
    os.sched_setaffinity(0, other)
    with _stage(other) as (upstream_port, installation), _redis(other) as redis_url:
        every = contenders.of(f"http://127.0.0.1:{upstream_port}", installation, redis_url)
        chosen = [each for each in every if not arguments.only or each.name in arguments.only]
        if arguments.profile:
            _profile(chosen, core, arguments.seconds)
            return
        rounds: dict[str, list[Figures]] = {each.name: [] for each in chosen}
        asked = 0
        for number in range(1, arguments.rounds + 1):
            for contender in chosen:
                print(f"round {number}: {contender.name} …", file=sys.stderr, flush=True)
                subject = _measured(contender, core, upstream_port, arguments.seconds)
                rounds[contender.name].append(subject.figures)
                asked += subject.asked if contender.key in (installation.key, installation.limited_key) else 0
        _say(chosen, rounds, asked, installation)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=3.0, help="length of each period of load (3)")
    parser.add_argument("--rounds", type=int, default=3, help="rounds, the contenders taking turns (3)")
    parser.add_argument("--only", type=lambda text: text.split(","), default=[], help="names, comma separated")
    parser.add_argument("--quick", action="store_true", help="one round of a second each: only to see that it works")
    parser.add_argument("--profile", action="store_true", help="where time goes under load, by cProfile (slows it)")
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.seconds, arguments.rounds = 1.0, 1
    if arguments.profile:
        arguments.only = arguments.only or ["proxy"]
    return arguments


@contextmanager
def _stage(core: set[int]) -> Iterator[tuple[int, Installation]]:
    """The fake upstream, and this product installed beside it."""
    port = processes.free_port()
    command = [sys.executable, "-m", "benchmarks.upstream", "--port", str(port)]
    with (
        TemporaryDirectory(prefix="llmp-bench-") as folder,
        processes.running(command, port=port, core=core),
    ):
        yield port, Installation(Path(folder), f"http://127.0.0.1:{port}")


@contextmanager
def _redis(core: set[int]) -> Iterator[str]:
    """A Redis of this run and its address, '' where none is installed."""
    binary = shutil.which("redis-server") or shutil.which("valkey-server")
    if binary is None:
        yield ""
        return
    port = processes.free_port()
    command = [binary, "--bind", "127.0.0.1", "--port", str(port), "--save", "", "--appendonly", "no"]
    with processes.running(command, port=port, core=core):
        yield f"redis://127.0.0.1:{port}/0"


def _measured(contender: Contender, core: set[int], upstream_port: int, seconds: float) -> Subject:
    if not contender.command:
        subject = Subject(load.Target(upstream_port, contender.key), None, min(core))
        uvloop.run(subject.measure(seconds))
        return subject
    port = processes.free_port()
    with processes.running(
        contender.arguments(port), port=port, core=core, environment=contender.environment
    ) as process:
        subject = Subject(load.Target(port, contender.key), process, min(core))
        uvloop.run(subject.measure(seconds))
    return subject


def _say(chosen: list[Contender], rounds: dict[str, list[Figures]], asked: int, installation: Installation) -> None:
    print(report.table(rounds))
    print()
    for contender in chosen:
        print(f"- `{contender.name}`: {contender.what}")
    if asked:
        print(f"- the product accounts for {installation.usage_records():,} of {asked:,} requests")
    for disturbance in report.disturbances(rounds):
        print(f"- {disturbance}")
    print(f"- kept in {report.save(RESULTS, rounds).relative_to(processes.ROOT)}")


def _profile(chosen: list[Contender], core: set[int], seconds: float) -> None:
    """Functions by their own time while whole answers are asked for."""
    RESULTS.mkdir(exist_ok=True)
    for contender in (each for each in chosen if each.command):
        output = RESULTS / f"{contender.name}.pstats"
        port = processes.free_port()
        slowed = contenders.profiled(contender, output)
        with processes.running(
            slowed.arguments(port),
            port=port,
            core=core,
            environment=slowed.environment,
            stop=signal.SIGINT,  # cProfile writes nothing when it is terminated
        ):
            target = load.Target(port, contender.key)
            uvloop.run(load.closed_loop(target, count=measure.CONNECTIONS, seconds=seconds))
        pstats.Stats(str(output)).sort_stats("tottime").print_stats(_PROFILE_LINES)


if __name__ == "__main__":
    main()
