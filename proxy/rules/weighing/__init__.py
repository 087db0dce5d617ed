"""Detectors that are not asked on the event loop: they load a model, need a worker process, or call a server.

scales.Scales    what the step asks: what is remembered, then the detector, in its time
  language.py    which language a text is in
  topic.py       how near it is to examples, as vectors (vectors.py)
  found.py       secrets, by the recognisers of personal data
  server.py      a server of the tenant's
answers.py       an answer, held back until its texts are weighed
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from proxy.call import TenantRules
from proxy.knowledge.passages import Vectors
from proxy.rules.rule import Asked

Embed = Callable[[Sequence[str]], Awaitable[Vectors]]
"""One row for each text, of length 1. Raises NotWeighed."""


class NotWeighed(Exception):
    """There is no score. The message says why, and holds nothing of the texts."""


class Weigher(Protocol):
    """One detector."""

    async def open(self) -> None:
        """Get ready, where that takes time of its own. Raises NotWeighed."""

    async def scores(self, texts: Sequence[str], asked: Asked, tenant: TenantRules) -> Sequence[float]:
        """0 to 1 for each text, in their order. Raises NotWeighed."""
