"""What the step asks: the scores of texts, remembered by text and by what the rule says."""

import asyncio
import secrets
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b

import httpx
import orjson

from proxy.call import TenantRules
from proxy.privacy.detection.detector import Detector
from proxy.rules.rule import Asked
from proxy.rules.weighing import Embed, NotWeighed, Weigher
from proxy.rules.weighing.found import Secrets
from proxy.rules.weighing.language import Languages
from proxy.rules.weighing.server import Server
from proxy.rules.weighing.topic import Topics

_MOST_REMEMBERED = 16_384
_AT_ONCE = 32
_OPEN_SECONDS = 30.0


class Scales:
    """The detectors of one process. A text is weighed once for all rules that ask the same of it."""

    def __init__(self, detector: Detector, transport: httpx.AsyncBaseTransport, embed: Embed) -> None:
        self._weighers: Mapping[str, Weigher] = {
            "language": Languages(),
            "topic": Topics(embed),
            "secrets": Secrets(detector),
            "http": Server(transport),
        }
        self._opening: dict[str, asyncio.Future[None]] = {}
        self._remembered: OrderedDict[bytes, float] = OrderedDict()
        self._key = secrets.token_bytes(32)  # what is remembered says nothing of a text, in this process or another

    def warm(self, names: Iterable[str]) -> None:
        """Get these ready ahead of the first text. Returns at once; what fails is tried again when it is asked."""
        for name in names:
            if name not in self._opening:
                self._opening[name] = asyncio.ensure_future(self._weighers[name].open())
                self._opening[name].add_done_callback(lambda opening: opening.cancelled() or opening.exception())

    async def scores(self, texts: Sequence[str], asked: Asked, tenant: TenantRules) -> list[float]:
        """How much each text is what the rule looks for, 0 to 1. Raises NotWeighed."""
        keys = [self._digest(text, asked, tenant) for text in texts]
        found = {key: self._remembered[key] for key in keys if key in self._remembered}
        new = {key: text for key, text in zip(keys, texts, strict=True) if key not in found}
        if new:
            await self._open(asked.detector)
        try:
            async with asyncio.timeout(asked.seconds):
                found |= await self._weigh(new, asked, tenant)
        except TimeoutError:
            raise NotWeighed(f"No score within {asked.seconds:g} s.") from None
        return [found[key] for key in keys]

    async def _open(self, name: str) -> None:
        """Wait until the detector is ready: its model or its workers take seconds once, which is nobody's fault."""
        opening = self._opening.get(name)
        if opening is None or (opening.done() and (opening.cancelled() or opening.exception())):
            opening = self._opening[name] = asyncio.ensure_future(self._weighers[name].open())
        try:
            async with asyncio.timeout(_OPEN_SECONDS):
                await asyncio.shield(opening)
        except TimeoutError:
            raise NotWeighed(f"It was not ready within {_OPEN_SECONDS:g} s.") from None

    async def _weigh(self, new: Mapping[bytes, str], asked: Asked, tenant: TenantRules) -> dict[bytes, float]:
        """Some at a time, remembered as they come: who comes again after it took too long goes on from there."""
        found: dict[bytes, float] = {}
        keys = list(new)
        for begin in range(0, len(keys), _AT_ONCE):
            some = keys[begin : begin + _AT_ONCE]
            weighed = await self._weighers[asked.detector].scores([new[key] for key in some], asked, tenant)
            scores = dict(zip(some, weighed, strict=True))
            self._remember(scores)
            found |= scores
        return found

    def _remember(self, found: Mapping[bytes, float]) -> None:
        self._remembered.update(found)
        while len(self._remembered) > _MOST_REMEMBERED:
            self._remembered.popitem(last=False)

    def _digest(self, text: str, asked: Asked, tenant: TenantRules) -> bytes:
        server = tenant.detectors.get(asked.server)
        said = [
            *(asked.detector, sorted(asked.allowed), sorted(asked.forbidden), list(asked.topics)),
            *((str(tenant.id), server.base_url) if server is not None else ()),
        ]
        hashed = blake2b(orjson.dumps(said), digest_size=16, key=self._key)
        hashed.update(text.encode("utf-8", "surrogatepass"))
        return hashed.digest()
