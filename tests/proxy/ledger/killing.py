"""Runs calls in a process that is killed at a random moment, recovers, and compares. Run by test_killed.py.

Usage: killing.py ROUNDS SEED, with a fresh DATABASE_URL and LLMP_DATA_DIR. Exits with an assertion when a record is
missing, doubled or wrong. A recovery is itself killed in every other round.
"""

import os
import random
import select
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import django

django.setup()

from django.conf import settings  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import connections  # noqa: E402

from proxy.call import Trace  # noqa: E402
from proxy.formats.usage import Usage  # noqa: E402
from proxy.ledger import recovery  # noqa: E402
from proxy.ledger.journal import Journal  # noqa: E402
from proxy.ledger.record import Ending, State  # noqa: E402
from proxy.ledger.writer import Writer  # noqa: E402
from proxy.models import UsageRecord  # noqa: E402
from tests.proxy import build  # noqa: E402
from tests.proxy.ledger import calls  # noqa: E402

FOLDER: Path = settings.CONFIG.data_dir / "journal"
SEGMENT_BYTES = 200_000
AT_ONCE = 20
NANO_USD_PER_OUTPUT_TOKEN = 25_000  # the default tier


def output_tokens(id: str) -> int:
    return 1 + int(id.rpartition("-")[2]) % 997


def carry_calls(round: int, report: int) -> None:
    """Open and close calls, twenty at a time, and tell each act after it is done, until killed."""
    journal = Journal.open(FOLDER, segment_bytes=SEGMENT_BYTES)
    Writer(journal, pause_seconds=0.02).start()
    caller = build.caller()
    under_way = []
    for number in range(1_000_000):
        id = f"{round}-{number}"
        entry = calls.opened(journal, id, by=caller)
        os.write(report, f"o {id}\n".encode())
        entry.progress(Usage(output_tokens=1))
        under_way.append((id, entry))
        if len(under_way) >= AT_ONCE:
            id, entry = under_way.pop(random.randrange(AT_ONCE))
            usage = Usage(output_tokens=output_tokens(id))
            entry.settle(Ending(state=State.COMPLETED, status=200, usage=usage), Trace())
            os.write(report, f"c {id}\n".encode())


def fork(work: Callable[[], None]) -> int:
    connections.close_all()
    child = os.fork()
    if child:
        return child
    try:
        work()
    finally:
        os._exit(1)


def kill_after(child: int, seconds: float) -> None:
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


def killed_round(round: int, seconds: float) -> tuple[set[str], set[str]]:
    """What a killed process said it had opened, and closed."""
    reader, writer = os.pipe()
    child = fork(lambda: carry_calls(round, writer))
    os.close(writer)
    said = b""
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0:
        if select.select([reader], [], [], left)[0]:
            said += os.read(reader, 65_536)
    kill_after(child, 0)
    while piece := os.read(reader, 65_536):
        said += piece
    os.close(reader)
    acts = [line.split(" ") for line in said.decode().splitlines()]
    return {id for act, id in acts if act == "o"}, {id for act, id in acts if act == "c"}


def check(round: int, opened: set[str], closed: set[str]) -> None:
    """One row for each call; one act may have been done and not told."""
    rows = {row.id: row for row in UsageRecord.objects.filter(id__startswith=f"{round}-")}
    assert opened <= rows.keys(), f"lost: {sorted(opened - rows.keys())}"
    assert len(rows.keys() - opened) <= 1, f"invented: {sorted(rows.keys() - opened)}"
    completed = {id for id, row in rows.items() if row.state == State.COMPLETED}
    assert closed <= completed, f"closed and not completed: {sorted(closed - completed)}"
    assert len(completed - closed) <= 1, f"completed and not closed: {sorted(completed - closed)}"
    for id, row in rows.items():
        if id in completed:
            assert row.output_tokens == output_tokens(id), id
        else:
            assert (row.state, row.is_usage_estimated) == (State.INTERRUPTED, True), id
            assert row.output_tokens in (0, 1), id
        assert row.cost_nano_usd == row.output_tokens * NANO_USD_PER_OUTPUT_TOKEN, id


def main(rounds: int, seed: int) -> None:
    call_command("migrate", verbosity=0)
    total = 0
    chance = random.Random(seed)
    for round in range(rounds):
        opened, closed = killed_round(round, chance.uniform(0.03, 0.4))
        if round % 2:
            kill_after(fork(lambda: void(recovery.recover(FOLDER))), chance.uniform(0.0, 0.1))
        recovery.recover(FOLDER)
        assert list(FOLDER.iterdir()) == []
        check(round, opened, closed)
        total += len(opened)
    assert not UsageRecord.objects.filter(state=State.STARTED).exists()
    print(f"{total} calls in {rounds} killed processes: none lost, none doubled")


def void(_value: object) -> None:
    return


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
