"""Messages to the worker. They only say that there is work: what it is stands in the database, and is never lost."""

from proxy.knowledge.wakening import QUEUE, send

REPLAY = "proxy.replays.tasks.replay"
TEND = "proxy.replays.tasks.tend"


def wake() -> None:
    """There are policies to try."""
    send(REPLAY, QUEUE)
