"""Opens the store of kept answers that the deployment's settings lead to."""

from pathlib import Path

from proxy.answers.stores.machine import MachineStore
from proxy.answers.stores.shared import SharedStore
from proxy.answers.stores.store import Store


def opened(*, redis_url: str, folder: Path) -> Store:
    """Redis where there is one, else a file in the folder."""
    return SharedStore(redis_url) if redis_url else MachineStore(folder / "answers.sqlite3")
